import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { seededRandom } from '../../../src/base/random.ts'
import type { Address } from '../../../src/cluster/protocol/index.ts'
import { defaultLineLimits } from '../../../src/transport/tcp/limits.ts'
import { eventually, within } from '../../support/eventually.ts'
import { FaultyCluster, nowMs } from './cluster.ts'
import { folderSubject, type OpenSubject } from './subjects.ts'

/** Who speaks nonsense to a node's ports is turned away; the node says so, lives and goes on. */

const magic = Buffer.from('VERTIGO\n')

function handshake(fields: object, magicBytes = magic): Buffer {
  const json = Buffer.from(JSON.stringify({ hello: fields }))
  const length = Buffer.alloc(2)
  length.writeUInt16LE(json.length)
  return Buffer.concat([magicBytes, length, json])
}

/** As one would be from a node that nobody knows. */
const stranger = {
  versions: { min: 1, max: 1 },
  cluster: 'faults',
  network: null,
  from: { node: 'stranger', worker: null },
  to: { node: 'n0', worker: null },
  generation: 0,
  end: 'stranger-1',
  peerEnd: null,
  attempt: 1,
  received: 0,
}

function randomBytes(seed: number, count: number): Buffer {
  const random = seededRandom(seed)
  return Buffer.from(Array.from({ length: count }, () => random.int(256)))
}

const rubbish: Readonly<Record<string, Buffer>> = {
  'random bytes': randomBytes(1, 10_000),
  'very many random bytes': randomBytes(2, 2_000_000),
  'a request of another protocol': Buffer.from('GET / HTTP/1.1\r\nHost: node\r\n\r\n'),
  'a handshake of TLS': Buffer.from('16030100a5010000a10303', 'hex'),
  'half the magic': magic.subarray(0, 4),
  'a length that is not kept': Buffer.concat([magic, Buffer.from([0xff, 0xff]), randomBytes(3, 100_000)]),
  'text that is not JSON': Buffer.concat([magic, Buffer.from([5, 0]), Buffer.from('hello')]),
  'a handshake without fields': handshake({}),
  'fields of other types': handshake({ ...stranger, from: 7, end: [], received: '1' }),
  'numbers out of range': handshake({ ...stranger, generation: -1, attempt: 1e300, received: -5 }),
  'another cluster': handshake({ ...stranger, cluster: 'another' }),
  'another version': handshake({ ...stranger, versions: { min: 7, max: 9 } }),
  'another node': handshake({ ...stranger, to: { node: 'n9', worker: 4 } }),
  'a node that nobody knows, and then a frame of 4 GB': Buffer.concat([
    handshake(stranger),
    Buffer.from([0xff, 0xff, 0xff, 0xff, 1]),
    randomBytes(4, 1_000),
  ]),
  'a node that nobody knows, and then random bytes': Buffer.concat([
    handshake({ ...stranger, from: { node: 'stranger2', worker: null }, end: 'stranger-2' }),
    randomBytes(5, 50_000),
  ]),
  'a worker that nobody knows': handshake({
    ...stranger,
    network: 'net',
    from: { node: 'n1', worker: 99_999 },
    to: { node: 'n0', worker: 0 },
    generation: 1,
  }),
}

function open({ host, port }: Address): Socket {
  const socket = connect(port, host)
  // The other end closes when it likes.
  socket.on('error', () => undefined)
  socket.resume()
  return socket
}

/** However it ends. */
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.destroyed) resolve()
    else socket.once('close', () => resolve())
  })
}

describe('rubbish on the ports of nodes', () => {
  let store: OpenSubject
  let cluster: FaultyCluster
  let lives: ReadonlySet<string>
  before(async () => {
    store = await folderSubject.open()
    cluster = await FaultyCluster.start({ storeUrl: store.url, ttlMs: 30_000 })
    await cluster.deploy(cluster.net())
    await cluster.flows(nowMs())
    lives = new Set(cluster.journal.read().born.keys())
  })
  after(async () => {
    await cluster?.stop()
    await store?.close()
  })

  const controls = (): readonly Address[] => cluster.nodes.map((node) => node.of('joined').at(-1)!.control)

  /** What ran before runs, and its messages flow. */
  async function goesOn(): Promise<void> {
    await cluster.flows(nowMs())
    cluster.checkAll()
    assert.deepEqual([...cluster.journal.born.keys()], [...lives], 'nothing was started anew')
    for (const node of cluster.nodes) assert.deepEqual(node.of('fenced'), [])
  }

  test('is turned away', async () => {
    const ports = [...controls(), ...(await cluster.dataPorts())]
    for (const bytes of Object.values(rubbish)) {
      const sockets = ports.map(open)
      for (const socket of sockets) socket.end(bytes)
      await within(
        'all ports close what speaks nonsense',
        30_000,
        Promise.all(sockets.map((socket) => closed(socket))),
      )
    }
    await goesOn()
    const workers = await cluster.openWorkers()
    const { workers: planned } = cluster.plans.at(-1)!
    assert.ok(workers.length > 0)
    for (const node of cluster.nodes) {
      const told = (): readonly string[] =>
        node
          .of('troubled')
          .map(({ what }) => what)
          .filter((what) => what.includes('was turned away'))
      await eventually(`${node.id} says whom it turned away`, () => {
        const byNode = told().filter((what) => !what.includes('by worker'))
        // The rest is counted, not told: who speaks nonsense must not fill a log.
        return byNode.length >= 5
      })
      for (const { worker } of workers) {
        if (planned.find((one) => one.worker === worker)?.node !== node.id) continue
        await eventually(
          `${node.id} says whom worker ${worker} turned away, and how many more`,
          () => told().filter((what) => what.includes(`by worker ${worker} of "net"`)).length >= 5,
        )
      }
    }
  })

  test('names that are made up take no room', async () => {
    const node = cluster.nodes[0]!
    const address = node.of('joined').at(-1)!.control
    const names = Array.from({ length: 50 }, (_, at) => `made-up-${at}`)
    const answers = await Promise.all(
      names.map(async (name) => {
        const socket = connect(address.port, address.host)
        socket.setEncoding('utf8')
        let answer = ''
        socket.on('data', (text: string) => (answer += text))
        socket.on('error', () => undefined)
        socket.write(handshake({ ...stranger, from: { node: name, worker: null }, end: name }))
        await within(`${name} is refused`, 30_000, closed(socket))
        return answer
      }),
    )
    for (const [at, answer] of answers.entries())
      assert.ok(answer.includes(`${names[at]}\\" is not known`), answer)
    await goesOn()
  })

  test('those who never end their handshake are turned away in time, however many they are', async () => {
    const ports = [...controls(), ...(await cluster.dataPorts())]
    const slow = ports.flatMap((address) => Array.from({ length: 100 }, () => open(address)))
    const bytes = handshake(stranger)
    let at = 0
    const drip = setInterval(() => {
      for (const socket of slow) if (socket.writable) socket.write(bytes.subarray(at, at + 1))
      at = Math.min(at + 1, 20)
    }, 100)
    try {
      await cluster.flows(nowMs())
      await within(
        'all of them are turned away',
        defaultLineLimits.helloMs + 30_000,
        Promise.all(slow.map(closed)),
      )
    } finally {
      clearInterval(drip)
      for (const socket of slow) socket.destroy()
    }
    await goesOn()
  })
})
