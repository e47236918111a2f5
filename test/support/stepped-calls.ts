import { AsyncLocalStorage } from 'node:async_hooks'
import type { FileHandle, open } from 'node:fs/promises'
import { promises } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import type { TestContext } from 'node:test'

const functions = [
  'open',
  'rename',
  'link',
  'readdir',
  'stat',
  'readFile',
  'rm',
  'mkdir',
  'realpath',
] as const
const ofHandles: ReadonlySet<PropertyKey> = new Set(['write', 'writeFile', 'read', 'stat'])
/** Processes see the same of each other with them and without; disks take long. */
const leftOut: ReadonlySet<PropertyKey> = new Set(['sync', 'datasync'])

const running = new AsyncLocalStorage<SteppedProcess>()

/** What runs in it stands for a process of its own, which can be stopped before any of its calls of the operating system, and goes on later. */
export class SteppedProcess {
  /** Calls so far, also the one that it stands before. */
  calls = 0
  /** The call that it stands before, for people. */
  before = ''
  private readonly stopBefore: number
  private readonly stopped = Promise.withResolvers<void>()
  private readonly going = Promise.withResolvers<void>()

  /** `stopBefore`: counted from 0; never where there are not as many. */
  constructor(stopBefore = Infinity) {
    this.stopBefore = stopBefore
  }

  async run<T>(body: () => Promise<T>): Promise<T> {
    return running.run(this, body)
  }

  /** It stands still, or `work`, which runs in it, has ended. */
  async stands(work: Promise<unknown>): Promise<void> {
    await Promise.race([this.stopped.promise, work.then(() => undefined)])
  }

  release(): void {
    this.going.resolve()
  }

  async step(what: string): Promise<void> {
    if (this.calls++ !== this.stopBefore) return
    this.before = what
    this.stopped.resolve()
    await this.going.promise
  }
}

/** No step of the process that it is called in. */
export async function outside<T>(body: () => Promise<T>): Promise<T> {
  return running.exit(body)
}

/** Until the test ends, calls of `node:fs/promises` and of its file handles are steps of the process that they are made in. */
export function stepCalls(t: TestContext): void {
  const own = new Map(functions.map((name) => [name, promises[name]]))
  for (const [name, call] of own)
    Object.assign(promises, { [name]: name === 'open' ? opening(promises.open) : stepped(name, call) })
  syncBuiltinESMExports()
  t.after(() => {
    for (const [name, call] of own) Object.assign(promises, { [name]: call })
    syncBuiltinESMExports()
  })
}

type Call = (...args: never[]) => Promise<unknown>

function stepped(name: string, call: unknown): Call {
  return async (...args) => {
    await running.getStore()?.step(`${name} ${args.map(String).join(' ')}`)
    return (call as Call)(...args)
  }
}

function opening(own: typeof open): Call {
  const call = stepped('open', own) as (...args: never[]) => Promise<FileHandle>
  return async (...args) => {
    const handle = await call(...args)
    return new Proxy(handle, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target)
        if (typeof value !== 'function') return value
        if (leftOut.has(name)) return () => Promise.resolve()
        const bound = (value as Call).bind(target)
        return ofHandles.has(name) ? stepped(String(name), bound) : bound
      },
    })
  }
}
