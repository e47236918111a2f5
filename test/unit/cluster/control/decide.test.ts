import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  decide,
  type Decision,
  defaultRestartPolicy,
  type NetworkFacts,
} from '../../../../src/cluster/control/index.ts'
import { asTerm } from '../../../../src/cluster/protocol/index.ts'
import { ManagedWorld } from '../../../scenario/support/managed-world.ts'

/**
 * Random histories of one network: changes, losses, failures, records that come late or go, between any two decisions. Then
 * nothing disturbs any more, and agents help: it comes to an end that can be named.
 */

const networks: readonly (readonly string[])[] = [
  ['lines source', 'work x2', 'print', 'lines -> work -> print'],
  ['lines source', 'work x3', 'print', 'lines -> work -> print'],
  ['lines source', 'work x2 config=2', 'print config=2', 'lines -> work -> print'],
  ['lines source', 'count x2 keyed', 'lines -> count hash'],
  ['lines source', 'count x2 keyed spread', 'print apart=lines', 'lines -> count hash', 'count -> print'],
  ['lines source group=none', 'print', 'lines -> print'],
  ['lines source label=zone:a', 'print'],
]
const codes = ['COMPONENT_FAILED', 'KIND_UNKNOWN'] as const

type Step =
  | { readonly type: 'deploy'; readonly network: number }
  | { readonly type: 'join' | 'lose' | 'drain' | 'undrain' | 'ready' | 'lose-record'; readonly node: string }
  | { readonly type: 'fail'; readonly nth: number; readonly code: (typeof codes)[number] }
  | { readonly type: 'finish'; readonly nth: number }
  | { readonly type: 'pass'; readonly ms: number }
  | { readonly type: 'decide' | 'stop' | 'all-ready' }

const node = fc.constantFrom('n1', 'n2', 'n3')
const decideStep = fc.record({ type: fc.constant('decide' as const) })
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ type: fc.constant('deploy' as const), network: fc.nat(networks.length - 1) }),
  fc.record({
    type: fc.constantFrom('join', 'lose', 'drain', 'undrain', 'ready', 'lose-record'),
    node,
  }) as fc.Arbitrary<Step>,
  fc.record({ type: fc.constant('fail' as const), nth: fc.nat(9), code: fc.constantFrom(...codes) }),
  fc.record({ type: fc.constant('finish' as const), nth: fc.nat(9) }),
  fc.record({ type: fc.constant('pass' as const), ms: fc.constantFrom(100, 1000, 10_000, 100_000) }),
  fc.record({ type: fc.constant('stop' as const) }),
  { weight: 3, arbitrary: fc.record({ type: fc.constant('all-ready' as const) }) },
  { weight: 6, arbitrary: decideStep },
)
const histories = fc.array(step, { maxLength: 40 })

class Run extends ManagedWorld {
  facts1(): NetworkFacts {
    return this.facts({ term: asTerm(1), restarts: defaultRestartPolicy })
  }

  /** One decision, carried out; it changes what it was made from (DE-1), and a second look gives the same. */
  step(): Decision {
    const facts = this.facts1()
    const before = JSON.stringify({ ...facts, versions: [...facts.versions.keys()] })
    const decision = decide(facts)
    assert.deepEqual(decide(facts), decision)
    this.#look(decision)
    this.carryOut(decision)
    const now = this.facts1()
    const after = JSON.stringify({ ...now, versions: [...now.versions.keys()] })
    assert.equal(decision.type === 'wait', before === after, `${decision.type} changes the facts`)
    return decision
  }

  #look(decision: Decision): void {
    if (decision.type === 'plan') assert.equal(decision.plan.parent, this.plan?.generation ?? 0)
    if (decision.type === 'open') {
      assert.equal(decision.open.generation, this.plan!.generation)
      const well = new Set(this.facts1().ready.flatMap(({ ready, finished }) => [...ready, ...finished]))
      for (const { id } of this.plan!.instances) assert.ok(well.has(id), `#${id} is ready (DE-2)`)
    }
    if (decision.type === 'wait' && decision.untilMs !== undefined) {
      const aheadMs = decision.untilMs - this.nowMs
      assert.ok(aheadMs > 0 && aheadMs <= defaultRestartPolicy.delayMsMax, `${aheadMs} ms to wait (DE-7)`)
    }
  }

  apply(one: Step): void {
    const command = (name: string, words: readonly string[], lines: readonly string[] = []): void =>
      void { ...this.commands, ...this.agentCommands }[name]!(words, lines)
    const nth = (at: number) => this.plan?.instances[at % Math.max(1, this.plan.instances.length)]
    if (one.type === 'decide') this.step()
    else if (one.type === 'deploy') command('deploy', [], networks[one.network])
    else if (one.type === 'stop') command('stop', [])
    else if (one.type === 'all-ready') command('ready', [])
    else if (one.type === 'pass') this.nowMs += one.ms
    else if (one.type === 'finish') {
      const instance = nth(one.nth)
      if (instance !== undefined && this.open?.generation === this.plan?.generation)
        this.finished.add(instance.id)
    } else if (one.type === 'fail') {
      const instance = nth(one.nth)
      if (instance !== undefined) this.reportFailed(instance, { code: one.code, message: 'by chance' })
    } else if (one.type === 'join') {
      if (!this.nodes.has(one.node)) command('node', [one.node, 'label=zone:a'])
    } else if (one.type === 'lose-record') {
      if (this.plan !== undefined) command('lose-record', [one.node])
    } else if ('node' in one && (this.nodes.has(one.node) || one.type === 'lose'))
      command(one.type, [one.node])
  }

  /** Agents do what they are told: all is set up, what drains ends once the plan is open. */
  help(): void {
    if (this.plan !== undefined && this.open?.generation === this.plan.generation)
      for (const { id, draining } of this.plan.instances) if (draining) this.finished.add(id)
    for (const id of this.nodes.keys()) this.reportReady(id)
  }
}

/** Decides and helps until nothing changes any more; gives the last `wait`. */
function settle(run: Run): Extract<Decision, { type: 'wait' }> {
  const decisions: string[] = []
  let last = ''
  while (decisions.length < 80) {
    const decision = run.step()
    decisions.push(decision.type === 'wait' ? `wait for ${decision.what}` : decision.type)
    if (decision.type !== 'wait') continue
    const before = JSON.stringify([
      [...run.ready],
      [...run.finished],
      run.plan?.generation,
      run.open?.generation,
    ])
    if (before === last) {
      if (decision.untilMs === undefined) return decision
      run.nowMs = decision.untilMs
    }
    last = before
    run.help()
  }
  throw new Error(`it comes to no end: ${decisions.slice(-12).join(', ')}`)
}

describe('decide', () => {
  it('DE-1 comes to an end that can be named, from wherever it begins', () => {
    fc.assert(
      fc.property(histories, (history) => {
        const run = new Run()
        run.apply({ type: 'deploy', network: 0 })
        run.apply({ type: 'join', node: 'n1' })
        for (const one of history) run.apply(one)
        const wait = settle(run)
        const { plan, open, outcome, goal } = run
        const state = outcome?.version === run.version ? outcome.state : undefined
        const isEmpty = plan === undefined || plan.instances.length === 0
        if (goal === 'stop') {
          assert.ok(
            state === 'stopped' && isEmpty && open === undefined,
            `stopped, not ${state}: ${wait.what}`,
          )
        } else if (state === 'finished' || state === 'failed') assert.ok(isEmpty && open === undefined)
        else if (state === 'refused' && plan?.fallback === undefined) assert.ok(isEmpty && open === undefined)
        else if (wait.what.startsWith('a place for')) assert.ok(plan!.waiting.length > 0)
        else {
          assert.equal(open?.generation, plan!.generation, `open, though it waits for ${wait.what}`)
          assert.ok(plan!.instances.every(({ draining }) => !draining))
        }
      }),
      { numRuns: 3000 },
    )
  })

  it('DE-4 leaves what ran as it was when a change is refused', () => {
    fc.assert(
      fc.property(fc.constantFrom(1, 2, 3, 4), fc.nat(9), (network, nth) => {
        const run = new Run()
        run.apply({ type: 'deploy', network: 0 })
        for (const id of ['n1', 'n2', 'n3']) run.apply({ type: 'join', node: id })
        settle(run)
        const before = run.plan!.instances.map(({ id, component, worker }) => ({ id, component, worker }))
        run.apply({ type: 'deploy', network })
        run.step()
        const changed = run.plan!.instances.filter(({ since }) => since === run.plan!.generation)
        const isScaleOnly = network === 1
        run.reportFailed(changed[nth % changed.length]!, { code: 'COMPONENT_FAILED', message: 'by chance' })
        settle(run)
        const after = run.plan!.instances.map(({ id, component, worker }) => ({ id, component, worker }))
        if (isScaleOnly) assert.equal(run.outcome!.state, 'running')
        else {
          assert.deepEqual([run.outcome!.state, run.outcome!.version], ['refused', 2])
          assert.deepEqual(after, before)
        }
        for (const one of before)
          assert.ok(
            after.some(({ id }) => id === one.id),
            `${one.component} lives on`,
          )
      }),
    )
  })

  it('asks nothing of a network that is too large, or whose version is missing', () => {
    const run = new Run()
    run.apply({ type: 'join', node: 'n1' })
    run.commands.deploy!(
      [],
      Array.from({ length: 5 }, (_, at) => `c${at} x1000`),
    )
    assert.equal(
      (run.step() as Extract<Decision, { type: 'outcome' }>).outcome.error!.code,
      'NETWORK_TOO_LARGE',
    )
    assert.equal(run.step().type, 'wait')
    run.commands.deploy!([], ['a'])
    const facts = { ...run.facts1(), versions: new Map() }
    const decision = decide(facts) as Extract<Decision, { type: 'outcome' }>
    assert.deepEqual([decision.outcome.state, decision.outcome.error!.code], ['refused', 'STORE_CORRUPT'])
  })

  it('DE-4 lets what runs run on where no plan can be made of a change, also for the next change', () => {
    const run = new Run()
    run.apply({ type: 'join', node: 'n1' })
    run.commands.deploy!([], ['a x2'])
    settle(run)
    const { plan, open } = run
    for (const version of [2, 3]) {
      run.commands.deploy!(
        [],
        Array.from({ length: 5 }, (_, at) => `c${at} x1000`),
      )
      settle(run)
      assert.deepEqual([run.outcome!.state, run.outcome!.version], ['refused', version])
      assert.deepEqual([run.plan, run.open], [plan, open])
    }
    run.commands.deploy!([], ['a x2', 'b'])
    settle(run)
    assert.deepEqual([run.outcome!.state, run.outcome!.version], ['running', 4])
    assert.deepEqual(
      run.plan!.instances.map(({ component }) => component),
      ['a', 'a', 'b'],
    )
  })

  it('DE-7 does not wait for a time that another clock has set', () => {
    const run = new Run()
    run.apply({ type: 'deploy', network: 0 })
    run.apply({ type: 'join', node: 'n1' })
    settle(run)
    run.nowMs = 1_000_000
    for (let times = 0; times < 2; times++) {
      run.reportFailed(run.plan!.instances.at(-1)!, { code: 'COMPONENT_FAILED', message: 'by chance' })
      while (run.step().type !== 'wait');
      run.help()
    }
    assert.ok(run.plan!.waiting.length > 0)
    run.nowMs = 500
    assert.equal(run.step().type, 'plan')
    assert.deepEqual(run.plan!.waiting, [])
  })
})
