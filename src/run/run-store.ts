import { MessageChannel, type MessagePort } from 'node:worker_threads'
import type { Cancel, Clock } from '../base/clock.ts'
import type { Store } from '../store/store.ts'
import type { StoresModule } from './types.ts'

/** Where a worker thread finds the store of its run. */
export type StorePlace = { readonly url: string } | { readonly port: MessagePort }

const memoryUrl = 'memory:'
/** Until a store that could not be opened for a thread is tried again, in milliseconds. */
export const openRetryMs = 1_000

/**
 * The store behind `context.shared`, for all workers of a run, or of a node.
 *
 * - RS-1 To a server, each thread makes a connection of its own.
 * - RS-2 A store in memory, or in a folder, is in the main thread, and the others reach it over a port. In memory there is one for all. In a
 *   folder, a transaction has the lock of the store, which the whole cluster waits for: nobody must be able to hold it up who calls authors'
 *   code, or may be ended. And the binding of LMDB ends the process where a thread is ended that has a write under way.
 */
export class RunStore {
  private readonly modules: string
  private readonly url: string | undefined
  private readonly clock: Clock
  private readonly ports = new Set<MessagePort>()
  /** Of ports that wait for another try. */
  private readonly retries = new Map<MessagePort, Cancel>()
  private served: ReturnType<StoresModule['createRunStore']> | undefined
  private chosen: Promise<Store> | undefined

  /** `modules`: URL of the module that chooses backends. */
  constructor(modules: string, url: string | undefined, clock: Clock) {
    this.modules = modules
    // A store in memory cannot be opened by each thread for itself: the run has one for all.
    this.url = url === memoryUrl ? undefined : url
    this.clock = clock
  }

  /** Errors: STORE_URL_INVALID, before anything is started. */
  async check(): Promise<void> {
    if (this.url !== undefined) (await this.load()).checkStoreUrl(this.url)
  }

  /**
   * Opens the one that was chosen while the run starts: where it cannot be opened, `errors: reject` would else turn that
   * mistake into as many rejected messages.
   */
  async prepare(): Promise<void> {
    if (this.url !== undefined) await this.open()
  }

  /** For workers in the run's own thread. */
  readonly open = async (): Promise<Store> => {
    const { url } = this
    if (url === undefined || isInFolder(url)) return (await this.serving()).store
    this.chosen ??= this.load().then((stores) => stores.openStore(url, this.clock))
    try {
      return await this.chosen
    } catch (error) {
      // The next call tries again.
      this.chosen = undefined
      throw error
    }
  }

  /** For a worker in a thread. `failed`: the store could not be made, which is tried again, or could not answer. */
  placeForThread(failed: (error: unknown) => void): StorePlace {
    if (this.url !== undefined && !isInFolder(this.url)) return { url: this.url }
    const { port1, port2 } = new MessageChannel()
    this.ports.add(port1)
    port1.once('close', () => this.leave(port1))
    port1.once('message', () => this.serve(port1, failed))
    port1.unref()
    return { port: port2 }
  }

  /** The thread asks once, and its calls wait. */
  private serve(port: MessagePort, failed: (error: unknown) => void): void {
    this.retries.delete(port)
    this.serving()
      .then(
        ({ serve }) => serve(port, failed),
        (error: unknown) => {
          failed(error)
          if (!this.ports.has(port)) return
          const again = (): void => this.serve(port, failed)
          this.retries.set(port, this.clock.after(openRetryMs, again, { background: true }))
        },
      )
      .catch(failed)
  }

  private leave(port: MessagePort): void {
    this.ports.delete(port)
    this.retries.get(port)?.()
    this.retries.delete(port)
  }

  async close(): Promise<void> {
    for (const port of this.ports) {
      port.close()
      this.leave(port)
    }
    // Whoever opened it has been told where that failed.
    const [served, chosen] = await Promise.allSettled([this.served, this.chosen])
    if (served.status === 'fulfilled') await served.value?.store.close()
    if (chosen.status === 'fulfilled') await chosen.value?.close()
  }

  private async serving(): ReturnType<StoresModule['createRunStore']> {
    this.served ??= this.load().then((stores) => stores.createRunStore(this.clock, this.url))
    try {
      return await this.served
    } catch (error) {
      // The next call tries again.
      this.served = undefined
      throw error
    }
  }

  private async load(): Promise<StoresModule> {
    return (await import(this.modules)) as StoresModule
  }
}

function isInFolder(url: string): boolean {
  return url.startsWith('lmdb:')
}

/** In a worker thread: opens the store when it is asked for, once. */
export class ThreadStore {
  private readonly modules: string
  private readonly place: StorePlace
  private readonly clock: Clock
  private opened: Promise<Store> | undefined

  constructor(modules: string, place: StorePlace, clock: Clock) {
    this.modules = modules
    this.place = place
    this.clock = clock
  }

  readonly open = async (): Promise<Store> => {
    this.opened ??= this.connect()
    try {
      return await this.opened
    } catch (error) {
      // The next call tries again.
      this.opened = undefined
      throw error
    }
  }

  async close(): Promise<void> {
    const [opened] = await Promise.allSettled([this.opened])
    if (opened.status === 'fulfilled') await opened.value?.close()
  }

  private async connect(): Promise<Store> {
    const { place, clock } = this
    const stores = (await import(this.modules)) as StoresModule
    return 'url' in place ? stores.openStore(place.url, clock) : stores.connectStore(place.port, clock)
  }
}
