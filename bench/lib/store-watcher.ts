import { watch } from 'node:fs'
import { join } from 'node:path'
import { open } from 'lmdb'
import { machineClock } from '../../src/base/clock.ts'
import { openLmdbStore } from '../../src/store/lmdb/open.ts'

/**
 * The process that hears of what the benchmark writes. Each value is the time at which it was sent, on the clock that all
 * processes of the machine share. `process.argv`: `store` or `bare`, and the folder.
 */

/** What the benchmark asks for, by its name, and what it gets. */
export type WatcherQuestion = 'latencies' | 'idle-cpu'
export type WatcherAnswer =
  'ready' | { readonly latenciesMs: readonly number[] } | { readonly idleCpu: number }

const idleMs = 3_000
const [kind, folder] = process.argv.slice(2) as ['store' | 'bare', string]
let latenciesMs: number[] = []
let last = 0

function answer(message: WatcherAnswer): void {
  process.send!(message)
}

function heard(value: Uint8Array): void {
  latenciesMs.push(machineClock.monotonic() - Buffer.from(value).readDoubleLE())
}

function measureIdle(): void {
  const cpu = process.cpuUsage()
  const startMs = machineClock.monotonic()
  machineClock.after(idleMs, () => {
    const { user, system } = process.cpuUsage(cpu)
    answer({ idleCpu: (user + system) / 1_000 / (machineClock.monotonic() - startMs) })
  })
}

process.on('message', (question: WatcherQuestion) => {
  if (question === 'idle-cpu') measureIdle()
  else {
    answer({ latenciesMs })
    latenciesMs = []
  }
})

if (kind === 'store') {
  const store = await openLmdbStore({ folder })
  for await (const { events, resynced } of store.watch('key')) {
    if (resynced) answer('ready')
    else for (const { entry } of events) if (entry !== undefined) heard(entry.value)
  }
} else {
  const root = open<Buffer, string>({
    path: folder,
    noSubdir: false,
    overlappingSync: false,
    encoding: 'binary',
  })
  watch(join(folder, 'notify'), () => {
    root.resetReadTxn()
    const value = root.get('key')
    // One write may be told of twice.
    if (value !== undefined && value.readDoubleLE() !== last) heard(value)
    last = value?.readDoubleLE() ?? 0
  })
  answer('ready')
}
