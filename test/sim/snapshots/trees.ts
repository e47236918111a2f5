import assert from 'node:assert/strict'

/**
 * What sources hear of the messages that they track, in all their lives.
 *
 * - TT-1 What was acknowledged is not sent again: a committed snapshot has what came of it.
 * - TT-2 At the end of a network, all was acknowledged; nothing failed.
 */
export class Trees {
  private readonly acknowledgedOf = new Map<string, Set<number>>()
  private readonly wrong: string[] = []

  /** An instance begins, or goes on, with every `step`th message from `first`. */
  goesOn(source: string, step: number, first: number): void {
    const again = [...this.of(source)].filter((index) => index >= first && (index - first) % step === 0)
    if (again.length > 0) this.wrong.push(`TT-1 ${source} sends again what was acknowledged: ${again.join()}`)
  }

  acknowledged(source: string, index: number): void {
    this.of(source).add(index)
  }

  lost(source: string, index: number, why: string): void {
    this.wrong.push(`TT-2 ${source} hears of message ${index}: ${why}`)
  }

  /** At the end of its network, which began once. */
  check(source: string, count: number): void {
    assert.deepEqual(this.wrong, [])
    const left = Array.from({ length: count }, (_, index) => index).filter(
      (index) => !this.of(source).has(index),
    )
    assert.deepEqual(left, [], `TT-2 what ${source} has sent, and heard nothing of`)
  }

  private of(source: string): Set<number> {
    const there = this.acknowledgedOf.get(source) ?? new Set()
    this.acknowledgedOf.set(source, there)
    return there
  }
}
