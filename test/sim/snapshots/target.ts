import { type Clock, sleep } from '../../../src/base/clock.ts'
import { VertigoError } from '../../../src/base/errors.ts'
import type { Random } from '../../../src/base/random.ts'
import {
  compareSinkSnapshots,
  type Sink,
  type SinkBatch,
  type SinkSnapshot,
} from '../../../src/component/sink.ts'

/** What sinks of a simulation publish to: it survives whatever happens to processes, and has transactions. */
export class Target {
  /** Published, by component. */
  readonly rows = new Map<string, string[]>()
  private readonly newest = new Map<string, SinkSnapshot>()

  /** `chance`: how long a transaction takes, and whether it fails, before it is done or after. */
  sink(
    component: string,
    take: () => readonly string[],
    { chance, clock }: { readonly chance: Random; readonly clock: Clock },
  ): Sink<readonly string[]> {
    return {
      prepare: () => {
        const taken = take()
        return taken.length === 0 ? undefined : taken
      },
      commit: async (batch) => {
        if (chance.int(4) === 0) await sleep(clock, chance.int(30))
        if (chance.int(12) === 0) throw new Error('the target is busy, on purpose')
        this.transact(component, batch)
        if (chance.int(4) === 0) await sleep(clock, chance.int(10))
        if (chance.int(12) === 0) throw new Error('the answer of the target is lost, on purpose')
      },
      recover: (writer) => this.newest.get(writer),
    }
  }

  private transact(component: string, { writer, snapshot, staged }: SinkBatch<readonly string[]>): void {
    const known = this.newest.get(writer)
    if (known !== undefined && compareSinkSnapshots(known, snapshot) >= 0) {
      if (known.incarnation === snapshot.incarnation) return
      throw new VertigoError('SINK_AHEAD', `The target has ${known.id} of ${writer}.`)
    }
    this.newest.set(writer, snapshot)
    const rows = this.rows.get(component)
    if (rows === undefined) this.rows.set(component, [...staged])
    else rows.push(...staged)
  }
}
