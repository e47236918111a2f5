import { VertigoError } from '../../base/errors.ts'
import {
  builtInKind,
  defineSource,
  type InstanceContext,
  port,
  type SourcePosition,
  type SourcePositions,
} from '../../component/index.ts'
import { positionLost } from '../servers/position-lost.ts'
import { type Patience, withPatience } from '../servers/retry.ts'
import { connectNats, natsError, type Use } from './client.ts'
import { natsSourceConfig, type NatsSourceConfig } from './source-config.ts'
import { StreamReader } from './stream-reader.ts'

/**
 * Source `nats-source`: the messages of a stream of NATS JetStream, in the order of the stream.
 *
 * Its position is the sequence of the last message. NATS keeps nothing for it, and no acknowledgement is sent: the stream's limits
 * have to hold what the oldest kept snapshot still needs. Where they did not, or the stream was made anew, it is an error before
 * anything runs.
 *
 * Errors: `TARGET_UNFIT`, `SOURCE_POSITION_LOST`, `SOURCE_MESSAGE_INVALID`, `SERVER_UNREACHABLE`, `SERVER_REFUSED`, `PACKAGE_NOT_FOUND`.
 */
export const natsSource = builtInKind(
  'nats-source',
  defineSource({
    description: 'Messages of a stream of NATS JetStream, in its order.',
    outputs: { out: port() },
    config: natsSourceConfig,
    rewinds: true,
    splits: (context) => listSplits(context),
    async setup(context) {
      const { clock, log, signal, component, config: own, positions, splits = [] } = context
      const use: Use = { component, what: `the stream "${own.stream}"` }
      const patience: Patience = { clock, log, signal, retryMs: own.retryMs }
      const client = await withPatience(patience, component, () => connectNats(own, use))
      try {
        const stream = await withPatience(patience, component, () => streamInfo(client, own.stream, use))
        const starts = splits.map((split) => {
          const subject = subjectOf(split, own, stream, use)
          const given = positions?.[split]
          const begin = own.from === 'first' || positions !== undefined ? 0 : stream.last
          return { split, subject, after: given === undefined ? begin : checked(given, stream, use) }
        })
        return new StreamReader({
          client,
          config: own,
          patience,
          use,
          starts,
          end: own.follow ? undefined : stream.last,
        })
      } catch (error) {
        await client.nats.close()
        throw error
      }
    },
  }),
)

type Client = Awaited<ReturnType<typeof connectNats>>

interface StreamState {
  /** Names the stream for as long as it exists. */
  readonly id: string
  readonly first: number
  readonly last: number
}

async function streamInfo({ nats, jetstream }: Client, name: string, use: Use): Promise<StreamState> {
  try {
    const manager = await jetstream.jetstreamManager(nats)
    const { config: stream, state, created } = await manager.streams.info(name)
    if (stream.retention !== jetstream.RetentionPolicy.Limits) {
      throw new VertigoError(
        'TARGET_UNFIT',
        `${use.component}: ${use.what} has the retention "${stream.retention}", and deletes what it has given once.`,
        {
          place: { component: use.component },
          remedy: 'Read a stream with the retention "limits"; it can have the other one as its source.',
        },
      )
    }
    return { id: `nats/${name}/${created}`, first: state.first_seq, last: state.last_seq }
  } catch (error) {
    throw natsError(error, use)
  }
}

const allSubjects = '>'

type ListingContext = Pick<
  InstanceContext<{}, NatsSourceConfig>,
  'component' | 'config' | 'log' | 'clock'
> & {
  readonly positions: SourcePositions | undefined
}

/** Errors: SOURCE_POSITION_LOST where positions are of another stream, or of subjects that are not read any more. */
async function listSplits({
  component,
  config: own,
  log,
  clock,
  positions,
}: ListingContext): Promise<string[]> {
  const use: Use = { component, what: `the stream "${own.stream}"` }
  // Nobody asks it to end before it is done.
  const patience: Patience = { clock, log, signal: new AbortController().signal, retryMs: own.retryMs }
  const client = await withPatience(patience, component, () => connectNats(own, use))
  try {
    const { id } = await withPatience(patience, component, () => streamInfo(client, own.stream, use))
    const listed = (own.subjects ?? [allSubjects]).map((subject) => `${id}/${subject}`)
    for (const split of Object.keys(positions ?? {})) {
      if (!split.startsWith(`${id}/`)) throw madeAnew(use)
      if (!listed.includes(split))
        throw positionLost(
          component,
          `${use.what} was read by other subjects than now: ${split.slice(id.length + 1)}`,
        )
    }
    return listed
  } finally {
    await client.nats.close()
  }
}

function subjectOf(
  split: string,
  { subjects = [allSubjects] }: NatsSourceConfig,
  { id }: StreamState,
  use: Use,
): string {
  const subject = subjects.find((each) => split === `${id}/${each}`)
  if (subject === undefined) throw madeAnew(use)
  return subject
}

function madeAnew({ component, what }: Use): Error {
  return positionLost(component, `${what} is another one than was read: it was deleted and made anew`)
}

/** The sequence behind which to go on. Errors: SOURCE_POSITION_LOST. */
function checked({ version, position }: SourcePosition, { first, last }: StreamState, use: Use): number {
  const { sequence } = (position ?? {}) as { readonly sequence?: unknown }
  const { component, what } = use
  if (version !== 1 || typeof sequence !== 'number')
    throw positionLost(component, `${what} was read by another version of this source`)
  if (first > sequence + 1)
    throw positionLost(
      component,
      `${what} begins with message ${first}, and message ${sequence + 1} is to be read next: what was between is deleted`,
    )
  if (last < sequence)
    throw positionLost(
      component,
      `${what} ends with message ${last}, and message ${sequence + 1} is to be read next: NATS has lost what was there`,
    )
  return sequence
}
