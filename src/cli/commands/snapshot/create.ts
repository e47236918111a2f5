import type { ApiClient } from '../../../api/index.ts'
import { sleep, systemClock } from '../../../base/clock.ts'
import { VertigoError } from '../../../base/errors.ts'
import type { AbortedSnapshot } from '../../../cluster/protocol/index.ts'
import type { ListedSnapshot } from '../../../cluster/client/index.ts'
import type { Arguments } from '../../arguments.ts'
import { apiOptions, connect, printJson } from '../../cluster/connect.ts'
import { bytesText } from '../../cluster/snapshot-text.ts'
import type { Command } from '../../command.ts'
import { visible } from '../../store/entry-text.ts'

const lookMs = 200

export const snapshotCreateCommand: Command = {
  spec: {
    name: 'snapshot create',
    arguments: ['<network>'],
    about: [
      'Asks for a snapshot of a network that is kept until somebody removes it (`vertigo snapshot rm`). It is taken as soon as none is under way.',
      'A name belongs to one snapshot: one that another has is refused, unless you say --replace.',
      'One that would be of a version that was undeployed, and still comes to its end, is refused: ask again when the new one runs.',
      'With --wait it is there when the command ends; where the time is over before, it stays wanted.',
    ],
    options: {
      name: {
        value: '<name>',
        about: 'Under which it is kept. Default: made of the time, as `at-20260131-120000-250`.',
      },
      replace: { about: 'An older snapshot that has the name loses it, when the new one is there.' },
      wait: { about: 'Wait until it is there, and tell on standard error what keeps it.' },
      timeout: { value: '<s>', about: 'How long to wait, in seconds. Default 60.' },
      ...apiOptions,
    },
    examples: [
      ['vertigo snapshot create word-count --name before-upgrade --wait', 'One to go back to.'],
      ['vertigo deploy network.yaml --from-snapshot before-upgrade --accept-duplicates', 'Go back to it.'],
    ],
  },
  run,
}

async function run(given: Arguments): Promise<number> {
  const [network = ''] = given.positionals
  const timeoutMs = (given.positiveNumber('timeout') ?? 60) * 1000
  const name = given.text('name') ?? nameByTime(systemClock.now())
  const asJson = given.flag('json')
  const client = await connect(given)
  const beforeMs = (await client.snapshots(network)).aborted?.atMs ?? 0
  await client.createSnapshot(network, name, { replace: given.flag('replace') })
  if (!given.flag('wait')) {
    if (asJson) printJson({ network, name })
    else process.stdout.write(`${visible(network)}: snapshot "${name}" is wanted\n`)
    return 0
  }
  const tell = (line: string): void => {
    if (!asJson) process.stderr.write(`${line}\n`)
  }
  const made = await whenThere(client, network, name, { timeoutMs, beforeMs, tell })
  if (asJson) printJson(made)
  else
    process.stdout.write(
      `${visible(network)}: snapshot ${made.id} is kept as "${name}", ${bytesText(made.bytes)} in ${made.tookMs} ms\n`,
    )
  return 0
}

/** `at-20260131-120000-250`, in UTC, with milliseconds: two in one second are two. */
function nameByTime(ms: number): string {
  const [day, time] = new Date(ms).toISOString().slice(0, -1).split('T') as [string, string]
  return `at-${day.replaceAll('-', '')}-${time.replaceAll(':', '').replace('.', '-')}`
}

interface Waiting {
  readonly timeoutMs: number
  /** When the last one before came to nothing. */
  readonly beforeMs: number
  readonly tell: (line: string) => void
}

/** Errors: WAIT_TIMEOUT, those of the API. */
async function whenThere(
  client: ApiClient,
  network: string,
  name: string,
  { timeoutMs, beforeMs, tell }: Waiting,
): Promise<ListedSnapshot> {
  const untilMs = systemClock.monotonic() + timeoutMs
  let toldMs = beforeMs
  let last: AbortedSnapshot | undefined
  for (;;) {
    const { wanted, aborted } = await client.snapshots(network)
    if (!wanted.includes(name)) return client.snapshot(network, name)
    if (aborted !== undefined && aborted.atMs > toldMs) {
      toldMs = aborted.atMs
      // There may be many in a second that come to nothing for one reason.
      if (aborted.reason !== last?.reason)
        tell(`snapshot ${aborted.id} came to nothing: ${aborted.code}: ${visible(aborted.reason)}`)
      last = aborted
    }
    if (systemClock.monotonic() >= untilMs) throw late(network, name, timeoutMs, last)
    await sleep(systemClock, lookMs)
  }
}

function late(
  network: string,
  name: string,
  timeoutMs: number,
  last: AbortedSnapshot | undefined,
): VertigoError {
  const why = last === undefined ? '' : ` Snapshot ${last.id} came to nothing: ${last.code}: ${last.reason}`
  return new VertigoError(
    'WAIT_TIMEOUT',
    `Not within ${timeoutMs / 1000} s: snapshot "${name}" of "${network}". It stays wanted.${why}`,
  )
}
