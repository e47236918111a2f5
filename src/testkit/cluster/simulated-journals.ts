import { type Clock, sleep } from '../../base/clock.ts'
import { VertigoError } from '../../base/errors.ts'
import type { Random } from '../../base/random.ts'
import type { Journal, JournalBatch } from '../../journal/journal.ts'
import type { JournalPlace, Journals } from '../../worker/journal/journals.ts'
import type { EndsAt } from './stepped-kind.ts'
import { never } from './steps.ts'

/** Who opens journals: a worker, which may end at each step. */
export interface JournalUser {
  readonly node: string
  /** Of its thread. */
  readonly clock: Clock
  readonly endsAt: EndsAt
  /** It is no more. */
  readonly isOver: () => boolean
}

/** What is on a disk. */
interface Disk {
  readonly place: JournalPlace
  readonly records: Uint8Array[]
  /** Of the first record that was not released. */
  start: number
  generation: number
  owner: SimulatedJournal | undefined
}

const delayMsMax = 8
const batchMax = 16

/**
 * The disks of a simulated cluster, as far as journals are on them: they survive whatever happens to processes, and keep to the rules at
 * the head of `journal/journal.ts`. A folder that the network names is everybody's, the others are a node's own.
 */
export class SimulatedJournals {
  private readonly disks = new Map<string, Disk>()
  /** Of all there have been, also those that were deleted. */
  private readonly all: Disk[] = []
  private readonly random: Random

  constructor(random: Random) {
    this.random = random
  }

  of(user: JournalUser): Journals {
    return {
      open: (place) => this.open(place, user),
      forgetOthers: (place, lives) => {
        const kept = new Set([place.life, ...lives].map((life) => nameOf({ ...place, life }, user)))
        for (const [name, { place: other }] of this.disks)
          if (isOfSame(other, place) && !kept.has(name)) this.disks.delete(name)
        return Promise.resolve()
      },
    }
  }

  /** All that was ever durable of what copies of a component have received. */
  received(network: string, component: string): readonly Uint8Array[] {
    const own = this.all.filter(({ place }) => place.network === network && place.component === component)
    return own.flatMap(({ records }) => records)
  }

  private async open(place: JournalPlace, user: JournalUser): Promise<Journal> {
    if (user.endsAt('open-journal', 'before')) return never()
    await sleep(user.clock, this.random.next() * delayMsMax)
    const disk = this.diskOf(place, user)
    if (disk.generation > place.generation) throw sealed(place, disk.generation)
    const { owner } = disk
    if (disk.generation === place.generation && owner?.isOpen === true)
      throw new VertigoError('JOURNAL_IN_USE', `The journal of ${place.component} is being written.`)
    disk.generation = place.generation
    disk.owner = new SimulatedJournal(disk, user, this.random)
    owner?.seal()
    return user.endsAt('open-journal', 'after') ? never() : disk.owner
  }

  private diskOf(place: JournalPlace, user: JournalUser): Disk {
    const name = nameOf(place, user)
    const known = this.disks.get(name)
    if (known !== undefined) return known
    if (place.isKnown)
      throw new VertigoError('SOURCE_POSITION_LOST', `The journal of ${name} is not there, and is to be.`)
    const made: Disk = { place, records: [], start: 0, generation: 0, owner: undefined }
    this.disks.set(name, made)
    this.all.push(made)
    return made
  }
}

class SimulatedJournal implements Journal {
  private readonly disk: Disk
  private readonly user: JournalUser
  private readonly random: Random
  private isClosed = false
  /** What whoever took it over has found: what comes behind it is his. */
  private sealedAt: number | undefined
  /** Writes go one behind the other. */
  private writing: Promise<unknown> = Promise.resolve()
  private news = Promise.withResolvers<void>()

  constructor(disk: Disk, user: JournalUser, random: Random) {
    this.disk = disk
    this.user = user
    this.random = random
  }

  get isOpen(): boolean {
    return !this.isClosed && this.sealedAt === undefined && !this.user.isOver()
  }

  get start(): number {
    return this.disk.start
  }

  get end(): number {
    return this.sealedAt ?? this.disk.records.length
  }

  get bytes(): number {
    return this.disk.records.slice(this.start, this.end).reduce((sum, { length }) => sum + length, 0)
  }

  append(record: Uint8Array): Promise<number> {
    const bytes = record.slice()
    const position = this.writing.then(() => this.write(bytes))
    this.writing = position.catch(() => undefined)
    return position
  }

  async *read(
    from: number,
    { signal }: { readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<JournalBatch, void, undefined> {
    if (from < this.start)
      throw new VertigoError(
        'JOURNAL_POSITION_GONE',
        `The journal begins with ${this.start}, and not ${from}.`,
      )
    const onAbort = (): void => this.tell()
    signal?.addEventListener('abort', onAbort)
    try {
      for (let position = from; ;) {
        signal?.throwIfAborted()
        const records = this.disk.records.slice(position, Math.min(this.end, position + batchMax))
        if (records.length > 0) {
          yield { position, records }
          position += records.length
        } else if (this.isClosed) return
        else await this.news.promise
      }
    } finally {
      signal?.removeEventListener('abort', onAbort)
    }
  }

  release(upTo: number): Promise<void> {
    this.disk.start = Math.max(this.disk.start, upTo)
    return Promise.resolve()
  }

  async close(): Promise<void> {
    await this.writing
    this.isClosed = true
    this.tell()
  }

  /** JN-3, JN-5 */
  seal(): void {
    this.sealedAt ??= this.disk.records.length
  }

  private async write(bytes: Uint8Array): Promise<number> {
    const { user, random, disk } = this
    this.check()
    if (user.endsAt('write-journal', 'before')) return never()
    // Who is killed meanwhile may have got it onto the disk, or not.
    const isSoon = random.next() < 0.5
    let position = isSoon ? disk.records.push(bytes) - 1 : undefined
    await sleep(user.clock, random.next() * delayMsMax)
    this.check()
    position ??= disk.records.push(bytes) - 1
    this.tell()
    return user.endsAt('write-journal', 'after') ? never() : position
  }

  private check(): void {
    if (this.isClosed) throw new VertigoError('JOURNAL_CLOSED', 'The journal was closed.')
    if (this.sealedAt !== undefined) throw sealed(this.disk.place, this.disk.generation)
  }

  private tell(): void {
    this.news.resolve()
    this.news = Promise.withResolvers()
  }
}

function isOfSame(one: JournalPlace, other: JournalPlace): boolean {
  return one.network === other.network && one.component === other.component && one.instance === other.instance
}

function nameOf({ network, component, instance, life, folder }: JournalPlace, { node }: JournalUser): string {
  return `${folder ?? node}/${network}/${component}-${instance}-${life}`
}

function sealed({ component }: JournalPlace, by: number): VertigoError {
  return new VertigoError('JOURNAL_SEALED', `The journal of ${component} was taken over by generation ${by}.`)
}
