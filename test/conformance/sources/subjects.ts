import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { readdir, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { isVertigoError } from '../../../src/base/errors.ts'
import { feeder } from '../../../src/connectors/code/feeder.ts'
import { fileLines } from '../../../src/connectors/file/lines.ts'
import { generator } from '../../../src/connectors/generate/generator.ts'
import { httpIntake } from '../../../src/connectors/http/intake.ts'
import type { Journal } from '../../../src/journal/journal.ts'
import { folderJournals, type Journals } from '../../../src/worker/journal/journals.ts'
import { eventually } from '../../support/eventually.ts'
import type { SourceNetwork, SourceUnderTest } from './source-network.ts'

/** What was given to a source, and what whoever gave it was told: the oracle knows nothing of the engine. */
export class Given {
  readonly attempts = new Map<unknown, number>()
  readonly acknowledged = new Set<unknown>()

  attempt(...messages: readonly unknown[]): void {
    for (const message of messages) this.attempts.set(message, (this.attempts.get(message) ?? 0) + 1)
  }

  acknowledge(...messages: readonly unknown[]): void {
    for (const message of messages) this.acknowledged.add(message)
  }

  /** What is wrong with what has come; empty where nothing is. */
  faults(seen: readonly unknown[]): string[] {
    const counts = new Map<unknown, number>()
    for (const message of seen) counts.set(message, (counts.get(message) ?? 0) + 1)
    const faults: string[] = []
    for (const [message, attempts] of this.attempts) {
      const count = counts.get(message) ?? 0
      const least = this.acknowledged.has(message) ? 1 : 0
      if (count < least || count > attempts)
        faults.push(`${String(message)} came ${count} times, and was given ${attempts} times`)
      counts.delete(message)
    }
    for (const message of counts.keys()) faults.push(`${String(message)} was never given`)
    return faults
  }
}

export interface Fixture {
  readonly source: SourceUnderTest
  readonly given: Given
  /** Gives all messages, while the network may end and go on at any moment. */
  give(network: SourceNetwork): Promise<void>
  /** Makes the positions of snapshots those of nothing; and those of something else. */
  readonly damages: readonly { readonly what: string; readonly damage: () => Promise<void> }[]
  /** Journals that are open, or were. */
  readonly journals: readonly Journal[]
}

export interface Subject {
  readonly name: string
  readonly make: (t: TestContext) => Fixture | Promise<Fixture>
}

const count = 240

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'vertigo-sources-'))
  t.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}

export function allGiven(messages: readonly unknown[]): Given {
  const given = new Given()
  given.attempt(...messages)
  given.acknowledge(...messages)
  return given
}

function files(t: TestContext): Fixture {
  const inside = folder(t)
  const names = ['a', 'b', 'c', 'd']
  const linesOf = (name: string): string[] =>
    Array.from({ length: count / names.length }, (_, n) => `line ${n} of ${name}`)
  const paths = names.map((name) => join(inside, name))
  names.forEach((name, at) => writeFileSync(paths[at]!, `${linesOf(name).join('\n')}\n`))
  return {
    source: { kind: fileLines, config: { path: paths } },
    given: allGiven(names.flatMap(linesOf)),
    give: async () => undefined,
    damages: [
      { what: 'a file is shorter', damage: () => truncate(paths[0]!, 30) },
      { what: 'a file is another one', damage: () => writeFile(paths[0]!, 'something else\n'.repeat(200)) },
    ],
    journals: [],
  }
}

function generated(): Fixture {
  return {
    source: { kind: generator, config: { count } },
    given: allGiven(Array.from({ length: count }, (_, n) => n)),
    give: async () => undefined,
    damages: [],
    journals: [],
  }
}

/** Notes what is opened. */
function noting(journals: Journals, opened: Journal[]): Journals {
  return {
    async open(place) {
      const journal = await journals.open(place)
      opened.push(journal)
      return journal
    },
    forgetOthers: (place, lives) => journals.forgetOthers(place, lives),
  }
}

function journalsIn(t: TestContext): Pick<Fixture, 'damages' | 'journals'> & { readonly made: Journals } {
  const inside = folder(t)
  const opened: Journal[] = []
  const remove = async (): Promise<void> => {
    for (const name of await readdir(join(inside, 'net')))
      await rm(join(inside, 'net', name), { recursive: true })
  }
  return {
    made: noting(folderJournals(inside), opened),
    journals: opened,
    damages: [
      { what: 'the journal is gone', damage: remove },
      {
        what: 'the journal is another one',
        damage: async () => {
          await remove()
          const other = await folderJournals(inside).open({
            network: 'net',
            component: 'source',
            instance: 0,
            life: 1,
            folder: undefined,
            bytesMax: undefined,
            generation: 0,
            isKnown: false,
          })
          await other.close()
        },
      },
    ],
  }
}

function fed(t: TestContext): Fixture {
  const { made, ...rest } = journalsIn(t)
  const input = feeder<unknown>()
  const given = new Given()
  return {
    ...rest,
    source: { kind: input.kind, config: {}, journals: made },
    given,
    async give() {
      // Several at a time, so that some are on their way whenever the network ends.
      const senders = Array.from({ length: 4 }, async (_, sender) => {
        for (let n = 0; n < count / 4; n++) {
          const message = `message ${n} of ${sender}`
          await eventually(`${message} is taken`, async () => {
            given.attempt(message)
            try {
              await input.send(message)
            } catch (error) {
              if (isVertigoError(error)) return false
              throw error
            }
            given.acknowledge(message)
            return true
          })
        }
      })
      await Promise.all(senders)
      input.end()
    },
  }
}

function posted(t: TestContext): Fixture {
  const { made, ...rest } = journalsIn(t)
  const given = new Given()
  const post = async (network: SourceNetwork, messages: readonly string[]): Promise<boolean> => {
    const port = portOf(network)
    if (port === undefined) return false
    let status: number
    try {
      const response = await fetch(`http://127.0.0.1:${port}/`, {
        method: 'POST',
        headers: { 'content-type': 'application/x-ndjson' },
        body: messages.map((message) => JSON.stringify(message)).join('\n'),
      })
      status = response.status
      await response.text()
    } catch {
      // Whether the request had arrived is not known.
      given.attempt(...messages)
      return false
    }
    if (status === 503 || status === 429) return false
    given.attempt(...messages)
    if (status === 200) given.acknowledge(...messages)
    return status === 200
  }
  return {
    ...rest,
    source: { kind: httpIntake, config: { port: 0 }, journals: made },
    given,
    async give(network) {
      // Larger than there is room for: cuts come in the middle of what is one record.
      const batch = 40
      const senders = Array.from({ length: 3 }, async (_, sender) => {
        for (let n = 0; n < count / 3 / batch; n++) {
          const messages = Array.from({ length: batch }, (__, at) => `message ${n}.${at} of ${sender}`)
          await eventually(`batch ${n} of ${sender} is taken`, () => post(network, messages))
        }
      })
      await Promise.all(senders)
    },
  }
}

/** Of a copy that listens now. */
function portOf({ logged }: SourceNetwork): number | undefined {
  const last = logged.findLast(({ message }) => message.startsWith('takes messages at'))
  return (last?.details as { readonly port?: number } | undefined)?.port
}

export const subjects: readonly Subject[] = [
  { name: 'file-lines', make: files },
  { name: 'generator', make: generated },
  { name: 'feeder with a journal', make: fed },
  { name: 'http-intake with a journal', make: posted },
]
