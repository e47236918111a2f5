import assert from 'node:assert/strict'
import { test } from 'node:test'
import { soak, type SoakPlan } from '../../../scripts/lib/soak-loop.ts'

function planOf(part: Pick<SoakPlan, 'scenarios'> & Partial<SoakPlan>): { plan: SoakPlan; said: string[] } {
  const said: string[] = []
  const plan: SoakPlan = {
    firstSeed: 7,
    isOver: () => said.length >= 5,
    over: 'lmdb',
    commandFor: (seed, scenario) => `soak --only ${scenario} --seed ${seed}`,
    say: (line) => said.push(line),
    ...part,
  }
  return { plan, said }
}

test('scenarios take turns with growing seeds until the time is over, and are summed up', async () => {
  const ran: string[] = []
  const scenario = (name: string) => async (seed: number) => {
    ran.push(`${name} ${seed}`)
    return { faults: 2, checked: 10 }
  }
  const { plan, said } = planOf({ scenarios: { a: scenario('a'), b: scenario('b') } })
  assert.equal(await soak(plan), true)
  assert.deepEqual(ran, ['a 7', 'b 7', 'a 8', 'b 8', 'a 9'])
  assert.match(said[0]!, /^seed 7 {2}a +2 faults survived, 10 checked$/)
  assert.equal(said.at(-1), '5 scenarios over lmdb: 10 faults survived, 50 checked, 0 failed')
})

test('a check that fails ends it, and is told with its seed, its scenario, its cause and the way back', async () => {
  const { plan, said } = planOf({
    scenarios: {
      good: async () => ({ faults: 1, checked: 1 }),
      bad: async (seed) => {
        if (seed === 8) throw new Error('two leaders', { cause: new Error('a clock') })
        return { faults: 1, checked: 1 }
      },
    },
  })
  assert.equal(await soak(plan), false)
  assert.equal(said.length, 5)
  assert.match(said[3]!, /^seed 8 {2}bad +FAILED; begin there again: soak --only bad --seed 8$/)
  assert.match(said[4]!, /^Error: two leaders\n[^]*caused by Error: a clock/)
})
