import assert from 'node:assert/strict'
import type { Arrivals } from './networks.ts'

/** What an instance, or its part of a snapshot, has for state. */
export interface SeenState {
  readonly rows: readonly { readonly key: string; readonly slots: Readonly<Record<string, unknown>> }[]
  readonly instance: Readonly<Record<string, unknown>>
}

export interface SeenComponent {
  readonly name: string
  readonly kind: string
  /** Of its instances. */
  readonly states: readonly SeenState[]
}

/** The state of a component is what a plain loop makes of the same input, value by value and key by key. */
export function compareComponent({ name, kind, states }: SeenComponent, expected: Arrivals): void {
  const arrived = expected[`${name}.in`]
  if (kind === 'tally') assert.equal(sumOfTallies(states), Object.values(arrived!).flat().length, name)
  if (kind === 'sum') assert.deepEqual(idsOf(states, 'ids'), arrived, `the state of ${name}`)
  if (kind === 'flaky') assert.deepEqual(idsOf(states, 'seen'), arrived, `the state of ${name}`)
  if (kind === 'sum') for (const state of states) compareCounts(state, name)
  if (kind === 'later') assert.deepEqual(idsOf(states, 'pending'), {}, `what waits in ${name}`)
  if (kind === 'join')
    for (const side of ['left', 'right'])
      assert.deepEqual(idsOf(states, side), expected[`${name}.${side}`], `the state of ${name}, ${side}`)
}

/** Nothing is missing, and nothing is there that was never sent: all of it may have come several times. */
export function compareAtLeast(
  { name, kind, states }: SeenComponent,
  published: readonly string[],
  expected: Arrivals,
): void {
  const slots: Readonly<Record<string, readonly string[]>> = {
    sum: ['ids'],
    flaky: ['seen'],
    join: ['left', 'right'],
  }
  for (const slot of slots[kind] ?? []) {
    const wanted = expected[`${name}.${kind === 'join' ? slot : 'in'}`]!
    assert.deepEqual(onceEach(idsOf(states, slot)), onceEach(wanted), `the state of ${name}, ${slot}`)
  }
  if (kind === 'later') assert.deepEqual(idsOf(states, 'pending'), {}, `what waits in ${name}`)
  if (kind === 'outlet') {
    const wanted = Object.values(expected[`${name}.in`]!).flat()
    assert.deepEqual(new Set(published.toSorted()), new Set(wanted.toSorted()), `what ${name} has published`)
  }
}

function onceEach(ids: Readonly<Record<string, readonly string[]>>): Record<string, readonly string[]> {
  return Object.fromEntries(Object.entries(ids).map(([key, some]) => [key, [...new Set(some)].toSorted()]))
}

/** What a component has published is what came to it, once each. */
export function comparePublished(name: string, published: readonly string[], expected: Arrivals): void {
  const arrived = Object.values(expected[`${name}.in`]!).flat()
  assert.deepEqual(published.toSorted(), arrived.toSorted(), `what ${name} has published`)
}

function idsOf(states: readonly SeenState[], name: string): Record<string, readonly string[]> {
  const full = states
    .flatMap(({ rows }) =>
      rows.map(({ key, slots }): [string, readonly string[]] => [
        key,
        ((slots[name] as readonly string[] | undefined) ?? []).toSorted(),
      ]),
    )
    .filter(([, ids]) => ids.length > 0)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
  assert.equal(new Set(full.map(([key]) => key)).size, full.length, `a key of "${name}" has two owners`)
  return Object.fromEntries(full)
}

function compareCounts({ rows }: SeenState, name: string): void {
  for (const { key, slots } of rows) {
    const count = ((slots['ids'] as string[] | undefined) ?? []).length
    assert.equal(slots['count'], count, `the count of ${key} in ${name}`)
    const perSource = slots['perSource'] as Map<string, number> | undefined
    const sum = [...(perSource?.values() ?? [])].reduce((a, b) => a + b, 0)
    assert.equal(sum, count, `the counts by source of ${key} in ${name}`)
  }
}

function sumOfTallies(states: readonly SeenState[]): number {
  return states.reduce((sum, { instance }) => sum + ((instance['count'] as number | undefined) ?? 0), 0)
}
