import assert from 'node:assert/strict'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { eventually, within } from '../../support/eventually.ts'
import { freePort, keys, Outcomes, post, tallyOf } from './acknowledged.ts'
import { cluster, kinds, PortsWorld } from './ports-world.ts'

/** A node is gone for good, and its disk with it: what it had acknowledged since the last snapshot is lost, and an operator says so. */

test('a journal that is gone for good is given up by an operator, and all else counts once', async (t) => {
  const world = await PortsWorld.make(t)
  const a = await world.node('a', { workers: 0, api: { port: 0 } })
  const others = [await world.process('b'), await world.process('c')]
  const port = await freePort()
  const network = {
    name: 'tallies',
    guarantee: 'exactly-once',
    snapshot: { intervalMs: 150 },
    components: {
      intake: { kind: 'http-intake', config: { port } },
      numbers: { kind: `${kinds}#numbering` },
      tally: { kind: `${kinds}#tallying`, instances: 2 },
    },
    connections: [
      { from: 'intake.out', to: 'tally.in', selector: { type: 'hash', key: 'key' } },
      { from: 'numbers.out', to: 'tally.in', selector: { type: 'hash', key: 'key' } },
    ],
  }
  await world.deploy(network)
  await world.runs('tallies')
  const over = new AbortController()
  t.after(() => over.abort())
  const posted = new Outcomes()
  const posting = (async () => {
    while (!over.signal.aborted) await posted.next(async (message) => post(port, message))
  })()
  const seen = (key: string): Promise<Readonly<Record<string, number>>> => tallyOf(a.apiAddress!, key)
  await eventually('some are taken', () => posted.taken > 60, 60_000)
  await eventually('some are in a snapshot', async () => Object.keys(await seen('a')).length > 5, 60_000)

  const host = await world.hostOf('tallies', 'intake')
  const victim = others.find(({ id }) => id === host)!
  const saved = await Promise.all(keys.map(seen))
  const killedMs = Date.now()
  await victim.kill()
  const goneMs = Date.now()
  const journals = join(world.folder, 'store-journals', cluster, host)
  assert.ok((await readdir(journals)).length > 0, 'it had a journal')
  await rm(journals, { recursive: true })

  const waiting = await eventually(
    'the status says what it waits for',
    async () => {
      const { instances } = await world.connection.networks.status('tallies')
      return instances.find((one) => one.component === 'intake' && one.state === 'waiting')
    },
    60_000,
  )
  const { reason = '', sinceMs = 0, savedUntilMs = 0 } = waiting
  assert.match(reason, new RegExp(`^Its journal is on ${host}, which is not there: .*--discard-state intake`))
  assert.ok(sinceMs >= killedMs && sinceMs <= Date.now(), `since ${sinceMs}, killed at ${killedMs}`)
  assert.ok(savedUntilMs > goneMs - 60_000 && savedUntilMs <= goneMs, `saved until ${savedUntilMs}`)
  const takenBefore = posted.outcomes.length

  await world.deploy(network, { discardState: ['intake'] })
  await world.runs('tallies')
  assert.notEqual(await world.hostOf('tallies', 'intake'), host)
  const taken = posted.taken
  await eventually('what is posted is taken again', () => posted.taken > taken + 30, 60_000)
  const numbers = async (): Promise<number> => Object.keys(await seen('numbered')).length
  const before = await numbers()
  await eventually('the numbers go on', async () => (await numbers()) > before + 30, 60_000)
  over.abort()
  await within('the last one is answered', 30_000, posting)
  const last = posted.outcomes.findLast(([, outcome]) => outcome === 'taken')![0]
  await eventually(
    'all is in a snapshot',
    async () => `${last.key}${last.n}` in (await seen(last.key)),
    60_000,
  )

  const numbered = Object.values(await seen('numbered'))
  assert.deepEqual([...new Set(numbered)], [1], 'each number counts once')
  const names = Object.keys(await seen('numbered'))
  assert.ok(names.length > before + 30)
  for (let n = 0; n < names.length; n++) assert.ok(names.includes(`numbered${n}`), `${n} is there`)

  let lost = 0
  for (const [nth, key] of keys.entries()) {
    const now = await seen(key)
    for (const name of Object.keys(saved[nth]!)) assert.equal(now[name], 1, `${name} was in a snapshot`)
    for (const [at, [{ key: of, n }, outcome]] of posted.outcomes.entries()) {
      if (of !== key) continue
      const count = now[`${key}${n}`] ?? 0
      assert.ok(count <= 1, `${key}${n} counts ${count} times`)
      if (outcome === 'taken' && count === 0) {
        assert.ok(at < takenBefore, `${key}${n} was taken by the new journal, and is lost`)
        lost++
      }
      if (outcome === 'not taken') assert.equal(count, 0, `${key}${n} was refused`)
    }
  }
  t.diagnostic(`${posted.taken} were taken, ${lost} of them lost with the journal`)
})
