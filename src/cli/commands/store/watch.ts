import type { WatchBatch, WatchEvent } from '../../../store/store.ts'
import type { Command } from '../../command.ts'
import { entryJson, shownValue, visible } from '../../store/entry-text.ts'
import { whenOutputCloses, writeOut } from '../../output.ts'
import { storeOption, withExistingStore } from '../../store/open.ts'

export const watchCommand: Command = {
  spec: {
    name: 'store watch',
    arguments: ['[prefix]'],
    about: [
      'Prints what is there below a prefix, then every change as it comes, until Ctrl-C, or until the next change once nobody reads its output. Lines begin with the revision; "=" is what was there, "+" a put, "-" a deletion.',
      'A connection that is lost is made again, and nothing is left out; where history is gone, the difference is printed, marked with "~".',
    ],
    options: {
      'from-revision': { value: '<n>', about: 'Begin with the changes from this revision on.' },
      json: { about: 'One JSON object a line: type, key, revision, entry, previous, resynced.' },
      ...storeOption,
    },
    examples: [['vertigo store watch cluster/ --store lmdb:./store', 'See what a cluster does.']],
  },
  run: (given) =>
    withExistingStore(given, async (store) => {
      const fromRevision = given.wholeNumber('from-revision', 1)
      const ended = new AbortController()
      const end = (): void => ended.abort()
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, end)
      whenOutputCloses(end)
      const watch = store.watch(given.positionals[0] ?? '', {
        signal: ended.signal,
        ...(fromRevision !== undefined && { fromRevision }),
      })
      let isFirst = fromRevision === undefined
      for await (const batch of watch) {
        await writeOut([given.flag('json') ? jsonLines(batch) : lines(batch, isFirst)])
        isFirst = false
      }
      return 0
    }),
}

const valueCharactersMax = 200

function lines({ events, resynced }: WatchBatch, isState: boolean): string {
  return events
    .map(({ type, key, revision, entry }: WatchEvent) => {
      const mark = isState ? '=' : type === 'put' ? '+' : '-'
      const value = entry === undefined ? '' : ` ${shownValue(entry.value, valueCharactersMax)}`
      return `${revision} ${resynced && !isState ? '~' : ''}${mark} ${visible(key)}${value}\n`
    })
    .join('')
}

function jsonLines({ events, resynced }: WatchBatch): string {
  return events
    .map(({ type, key, revision, entry, previous }) => {
      const more = {
        ...(entry && { entry: entryJson(entry) }),
        ...(previous && { previous: entryJson(previous) }),
      }
      return `${JSON.stringify({ type, key, revision, ...more, resynced })}\n`
    })
    .join('')
}
