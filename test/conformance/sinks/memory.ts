import { VertigoError } from '../../../src/base/errors.ts'
import {
  compareSinkSnapshots,
  defineComponent,
  port,
  type Sink,
  type SinkSnapshot,
} from '../../../src/component/index.ts'
import type { SinkSubject } from './subjects.ts'
import type { Message } from './world.ts'

/** The reference: a table, and beside it which snapshot it has of each writer, written in one step. */
export class MemoryTable<T = Message> {
  readonly rows: T[] = []
  readonly newest = new Map<string, SinkSnapshot>()
  isDown = false

  write(writer: string, snapshot: SinkSnapshot, rows: readonly T[]): void {
    if (this.isDown) throw new Error('the table takes nothing')
    const has = this.newest.get(writer)
    if (has !== undefined && has.incarnation > snapshot.incarnation)
      throw new VertigoError('SINK_AHEAD', `Somebody else writes as ${writer}.`)
    if (has !== undefined && compareSinkSnapshots(snapshot, has) <= 0) return
    this.rows.push(...rows)
    this.newest.set(writer, snapshot)
  }
}

export function memorySink(table: MemoryTable) {
  return defineComponent({
    inputs: { in: port<Message>() },
    setup() {
      let received: Message[] = []
      const sink: Sink<readonly Message[]> = {
        prepare() {
          const prepared = received
          received = []
          return prepared.length === 0 ? undefined : prepared
        },
        async commit({ writer, snapshot, staged }) {
          // As one that is far away.
          await Promise.resolve()
          table.write(writer, snapshot, staged)
        },
        recover: async (writer) => table.newest.get(writer),
      }
      return { on: { in: (message) => void received.push(message) }, sink }
    },
  })
}

export const memorySubject: SinkSubject = {
  name: 'a table in memory',
  async open() {
    const table = new MemoryTable()
    return {
      kind: memorySink(table),
      config: {},
      read: async () => [...table.rows],
      setDown: async (isDown) => {
        table.isDown = isDown
      },
      close: async () => undefined,
    }
  },
}
