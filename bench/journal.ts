import { mkdtempSync, rmSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import type { Journal } from '../src/journal/journal.ts'
import { openJournal } from '../src/journal/open.ts'
import { type Benchmark, type Row, type Target, atLeast, atMost, digits, rateRows } from './lib/benchmark.ts'
import { type Contestant, contest, ratio } from './lib/contest.ts'
import { onFileSystems } from './lib/file-systems.ts'
import { quartiles } from './lib/statistics.ts'

/**
 * The journal: durable messages a second with many in flight, how long each waits, and what one alone costs. Beside it, what the
 * same disk does in a bare loop that writes as many bytes as a group has and syncs them: no checksums, no positions, no mark, no look
 * at who owns the file.
 */

const messageBytes = 100
const inFlight = 500
const messagesPerRound = 200_000
export const journal: Benchmark = {
  name: 'journal',
  subject: 'The journal: durable messages with group commit',
  async run({ quick }) {
    const { disk, inMemory } = await onFileSystems((where, parent) => measure(where, parent, quick))
    return {
      rows: [...disk.rows, ...(inMemory?.rows ?? [])],
      targets: [...disk.targets, ...(inMemory?.targets ?? [])],
      notes: [
        `On the disk, the rate is ${digits(disk.ratio)} of that of the bare loop, whose writes are as large as the journal's groups (${inFlight} messages of ${messageBytes} bytes); one append alone takes ${digits(disk.aloneRatio)} times as long as a bare write with its sync.`,
        ...(inMemory === undefined
          ? []
          : [
              `A file system in memory syncs for nothing: what is left there is the journal's own work (${digits(inMemory.ratio)} of the rate of the bare loop).`,
            ]),
      ],
    }
  },
}

interface Measured {
  readonly rows: readonly Row[]
  readonly targets: readonly Target[]
  readonly ratio: number
  readonly aloneRatio: number
}

async function measure(where: string, parent: string, quick: boolean): Promise<Measured> {
  const home = mkdtempSync(join(parent, 'vertigo-journal-'))
  const opened = await openJournal({ folder: join(home, 'journal'), generation: 1 })
  const bare = await open(join(home, 'bare'), 'w')
  try {
    const latencies: number[] = []
    const contestants = [journalRounds(opened, latencies), bareRounds(bare)]
    const rounds = { time: 'wall', rounds: quick ? 5 : 31, warmUpRounds: quick ? 2 : 5 } as const
    const scores = await contest(contestants, rounds)
    const waits = latencies.slice(rounds.warmUpRounds * messagesPerRound).toSorted((a, b) => a - b)
    const p99 = waits[Math.floor(waits.length * 0.99)]!
    const alone = await measureAlone(opened, bare, quick ? 60 : 400)
    const rows = [
      ...rateRows(scores, 'messages'),
      {
        contestant: `Vertigo, wait of a message, p99 (median ${digits(quartiles(waits).median)} ms)`,
        figure: `${digits(p99)} ms`,
        quartiles: '–',
        rounds: waits.length,
      },
      ...alone.rows,
    ]
    return {
      rows: rows.map((row) => ({ ...row, contestant: `${row.contestant}${where}` })),
      targets: [
        atLeast(`100,000 durable messages/s${where}`, scores[0]!.median, 100_000),
        atMost(`a message waits at most 10 ms (p99)${where}`, p99, 10, ' ms'),
      ],
      ratio: ratio(scores, contestants[0]!.name, contestants[1]!.name),
      aloneRatio: alone.ratio,
    }
  } finally {
    await opened.close()
    await bare.close()
    rmSync(home, { recursive: true, force: true })
  }
}

function journalRounds(opened: Journal, latencies: number[]): Contestant {
  const message = Buffer.alloc(messageBytes, 7)
  return {
    name: `Vertigo, ${inFlight} in flight`,
    async round() {
      const before = opened.end
      let next = 0
      const client = async (): Promise<void> => {
        while (next < messagesPerRound) {
          next++
          const started = performance.now()
          await opened.append(message)
          latencies.push(performance.now() - started)
        }
      }
      await Promise.all(Array.from({ length: inFlight }, client))
      if (opened.end !== before + messagesPerRound) throw new Error(`the journal ends at ${opened.end}`)
      await opened.release(opened.end)
      return messagesPerRound
    },
  }
}

function bareRounds(file: FileHandle): Contestant {
  const group = Buffer.alloc(inFlight * messageBytes, 7)
  return {
    name: `bare writes and syncs of ${inFlight}`,
    async round() {
      for (let written = 0; written < messagesPerRound; written += inFlight) {
        await file.write(group)
        await file.datasync()
      }
      return messagesPerRound
    },
  }
}

/** In turns, so that what else the machine does falls on both. */
async function measureAlone(
  opened: Journal,
  bare: FileHandle,
  count: number,
): Promise<{ readonly rows: readonly Row[]; readonly ratio: number }> {
  const message = Buffer.alloc(messageBytes, 7)
  const ways = [
    { name: 'Vertigo, one alone', append: () => opened.append(message), tookMs: [] as number[] },
    {
      name: 'bare write and sync, one alone',
      append: async () => {
        await bare.write(message)
        await bare.datasync()
      },
      tookMs: [] as number[],
    },
  ]
  for (let index = 0; index < count; index++)
    for (const { append, tookMs } of ways) {
      const started = performance.now()
      await append()
      tookMs.push(performance.now() - started)
    }
  const [ours, theirs] = ways.map(({ tookMs }) => quartiles(tookMs))
  const rows = ways.map(({ name, tookMs }) => {
    const { low, median, high } = quartiles(tookMs)
    return {
      contestant: name,
      figure: `${digits(median)} ms`,
      quartiles: `${digits(low)} to ${digits(high)}`,
      rounds: tookMs.length,
    }
  })
  return { rows, ratio: ours!.median / theirs!.median }
}
