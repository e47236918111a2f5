import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorCode } from '../../support/error-code.ts'
import { eventually, within } from '../../support/eventually.ts'
import { freePort, keys, Outcomes, post, tallyOf } from './acknowledged.ts'
import { kinds, PortsWorld } from './ports-world.ts'

/**
 * Sources with journals in an exactly-once network: what was acknowledged to a client is in the state once, whatever was killed. The journal is
 * on the disk of one node, so the network waits for that one.
 */

test('JN-1 what a port or an intake has acknowledged counts once, with their node killed over and over', async (t) => {
  const world = await PortsWorld.make(t)
  const a = await world.node('a', { workers: 0, api: { port: 0 } })
  const others = [await world.process('b'), await world.process('c')]
  const port = await freePort()
  await world.deploy({
    name: 'tallies',
    guarantee: 'exactly-once',
    snapshot: { intervalMs: 150 },
    components: {
      intake: { kind: 'http-intake', config: { port } },
      tally: { kind: `${kinds}#tallying`, instances: 2 },
    },
    connections: [{ from: 'intake.out', to: 'tally.in', selector: { type: 'hash', key: 'key' } }],
    exports: { inputs: { things: 'tally.in' } },
  })
  await world.runs('tallies')
  const network = a.network('tallies')
  const over = new AbortController()
  t.after(() => over.abort())
  const [sent, posted] = [new Outcomes(), new Outcomes()]
  const sending = (async () => {
    while (!over.signal.aborted)
      await sent.next(async (message) => {
        const code = await errorCode(network.send('things', message, { timeoutMs: 20_000 }))
        assert.match(code, /^(no error|SEND_OUTCOME_UNKNOWN|SEND_TIMED_OUT)$/)
        return code === 'no error' ? 'taken' : code === 'SEND_TIMED_OUT' ? 'not taken' : 'unknown'
      })
  })()
  const posting = (async () => {
    while (!over.signal.aborted) await posted.next(async (message) => post(port, message))
  })()
  const all = [sent, posted]
  for (const component of ['client-input:things', 'intake']) {
    await eventually('both are taken', () => all.every((one) => one.taken > 30), 60_000)
    const before = all.map((one) => one.taken)
    const host = await world.hostOf('tallies', component)
    const victim = others.find(({ id }) => id === host)
    assert.ok(victim !== undefined, `${component} is on ${host}`)
    await victim.kill()
    victim.start()
    await victim.joined()
    await eventually(
      'both are taken again',
      () => all.every((one, at) => one.taken > before[at]! + 30),
      90_000,
    )
    assert.equal(await world.hostOf('tallies', component), host, 'its journal is there')
  }
  over.abort()
  await within('the last ones are taken', 60_000, Promise.all([sending, posting]))
  // What comes behind all others is in the state when they are.
  await network.sendBatch(
    'things',
    keys.map((key) => ({ key, n: -1 })),
  )
  await eventually(
    'the last one of the intake is taken',
    async () => (await post(port, { key: 'a', n: -2 })) === 'taken',
  )
  await eventually(
    'all is in a snapshot',
    async () => {
      const seen = await Promise.all(keys.map((key) => tallyOf(a.apiAddress!, key)))
      const last = seen[0]!['a-2']
      return last !== undefined && seen.every((one, at) => `${keys[at]}-1` in one)
    },
    60_000,
  )
  for (const key of keys) {
    const seen = await tallyOf(a.apiAddress!, key)
    for (const one of all)
      for (const [{ key: of, n }, outcome] of one.outcomes) {
        if (of !== key) continue
        const count = seen[`${key}${n}`] ?? 0
        if (outcome === 'taken') assert.equal(count, 1, `${key}${n} was taken, and counts ${count} times`)
        else if (outcome === 'not taken') assert.equal(count, 0, `${key}${n} was refused`)
        else assert.ok(count <= 1, `${key}${n} counts ${count} times`)
      }
  }
  const unknown = all.map(({ outcomes }) => outcomes.filter(([, outcome]) => outcome === 'unknown').length)
  t.diagnostic(`${sent.taken} sent, ${posted.taken} posted; unknown: ${unknown.join(' and ')}`)
})
