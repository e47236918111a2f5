import { MessageChannel, type MessagePort } from 'node:worker_threads'
import type { Clock } from '../base/clock.ts'
import type { Store } from '../store/store.ts'
import type { StoresModule } from './types.ts'

/** Where a worker thread finds the store of its run. */
export type StorePlace = { readonly url: string } | { readonly port: MessagePort }

const memoryUrl = 'memory:'

/**
 * The store behind `context.shared`, for all workers of a run: the one that was chosen, to which each thread makes a
 * connection of its own, or one in the memory of the run's own thread, which is made when a component asks for it.
 */
export class RunStore {
  private readonly modules: string
  private readonly url: string | undefined
  private readonly clock: Clock
  private readonly ports: MessagePort[] = []
  private memory: ReturnType<StoresModule['createRunStore']> | undefined
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
    if (url === undefined) return (await this.inMemory()).store
    this.chosen ??= this.load().then((stores) => stores.openStore(url, this.clock))
    try {
      return await this.chosen
    } catch (error) {
      // The next call tries again.
      this.chosen = undefined
      throw error
    }
  }

  /** For a worker in a thread. `failed`: the store could not be made, or could not answer. */
  placeForThread(failed: (error: unknown) => void): StorePlace {
    if (this.url !== undefined) return { url: this.url }
    const { port1, port2 } = new MessageChannel()
    this.ports.push(port1)
    port1.once('message', () => {
      this.inMemory()
        .then(({ serve }) => serve(port1, failed))
        .catch(failed)
    })
    port1.unref()
    return { port: port2 }
  }

  async close(): Promise<void> {
    for (const port of this.ports) port.close()
    // Whoever opened it has been told where that failed.
    const opened = await Promise.allSettled([this.memory, this.chosen])
    const [memory, chosen] = opened.map((result) =>
      result.status === 'fulfilled' ? result.value : undefined,
    )
    if (memory !== undefined && 'serve' in memory) await memory.store.close()
    if (chosen !== undefined && 'get' in chosen) await chosen.close()
  }

  private inMemory(): ReturnType<StoresModule['createRunStore']> {
    this.memory ??= this.load().then((stores) => stores.createRunStore(this.clock))
    return this.memory
  }

  private async load(): Promise<StoresModule> {
    return (await import(this.modules)) as StoresModule
  }
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
