import { Readable, Transform, type TransformCallback, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { concatMap, from, map } from 'rxjs'
import { type Kind, type Port, defineComponent, hash, network, port, value } from 'vertigo-flow'
import { type Benchmark, atLeast, rateRows } from './lib/benchmark.ts'
import { type Contestant, contest, ratio } from './lib/contest.ts'
import { Arrivals, GatedSource, runHere } from './lib/local-network.ts'
import { nofloWordCount } from './lib/noflo-word-count.ts'
import { readLines } from './lib/text.ts'
import { type Count, Tally } from './lib/word-tally.ts'

/**
 * Lines -> words -> a running count for each word -> sink, in one thread. All contestants get the same lines from
 * memory and do the same work in the same way: split at spaces, put into upper case, count in a `Map` that lives on
 * from round to round, make a result object for each word. They differ in how messages get from step to step.
 */

const linesPerRound = 8_000
/** NoFlo takes too long for all of them. */
const linesOfNoflo = 300

const keyed = 'Vertigo, keyed state'

export const wordCount: Benchmark = {
  name: 'word-count',
  subject: 'Lines, split into words, a running count for each word, in one thread',
  async run({ quick, file }) {
    const lines = readLines(linesPerRound, file)
    const few = lines.slice(0, linesOfNoflo)
    const scores = await contest(
      [
        await vertigo(keyed, lines, keyedCount()),
        await vertigo('Vertigo, Map of its own', lines, ownCount()),
        loop(lines),
        nodeStreams(lines),
        rx(lines),
        await nofloWordCount(few),
      ],
      { time: 'cpu', rounds: quick ? 11 : 31, warmUpRounds: quick ? 8 : 15 },
    )
    const of = (to: string): number => ratio(scores, keyed, to)
    return {
      rows: rateRows(scores, 'words'),
      targets: [
        atLeast('0.5 of the hand-written loop', of('hand-written loop'), 0.5),
        atLeast('2 times Node object streams', of('Node object streams'), 2),
        atLeast('1 times RxJS', of('RxJS'), 1),
        atLeast('20 times NoFlo', of('NoFlo'), 20),
      ],
      notes: [
        `A round has ${new Tally(lines).words} words; NoFlo's ${new Tally(few).words}.`,
        'The targets are judged by keyed state, as the documents write it: a hash of each word, and state that can move to another instance.',
      ],
    }
  },
}

type CountKind = Kind<{ readonly word: Port<string> }, { readonly count: Port<Count> }>

function keyedCount(): CountKind {
  return defineComponent({
    inputs: { word: port<string>() },
    outputs: { count: port<Count>() },
    state: { seen: value(0) },
    on: {
      word(word, { emit, state }) {
        emit.count({ word, count: state.seen.update((n) => n + 1) })
      },
    },
  })
}

function ownCount(): CountKind {
  return defineComponent({
    inputs: { word: port<string>() },
    outputs: { count: port<Count>() },
    setup() {
      const counts = new Map<string, number>()
      return {
        on: {
          word(word, { emit }) {
            const count = (counts.get(word) ?? 0) + 1
            counts.set(word, count)
            emit.count({ word, count })
          },
        },
      }
    },
  })
}

async function vertigo(name: string, lines: readonly string[], count: CountKind): Promise<Contestant> {
  const source = new GatedSource((index) => lines[index]!)
  const arrivals = new Arrivals()
  const tally = new Tally(lines)
  const split = defineComponent({
    inputs: { line: port<string>() },
    outputs: { word: port<string>() },
    on: {
      line(line, { emit }) {
        for (const word of line.split(' ')) if (word !== '') emit.word(word.toUpperCase())
      },
    },
  })
  const sink = defineComponent({
    inputs: { in: port<Count>() },
    on: {
      in(result) {
        tally.see(result)
        arrivals.arrived()
      },
    },
  })
  const net = network('word-count')
  const splitter = net.add('split', split)
  const counter = net.add('count', count)
  net.connect(net.add('lines', source.kind).outputs.out, splitter.inputs.line)
  net.connect(splitter.outputs.word, counter.inputs.word, { selector: hash() })
  net.connect(counter.outputs.count, net.add('sink', sink).inputs.in)
  await runHere(net)
  return {
    name,
    async round() {
      const all = arrivals.expect(tally.words)
      source.send(lines.length)
      await all
      return tally.finishRound(name)
    },
  }
}

function loop(lines: readonly string[]): Contestant {
  const tally = new Tally(lines)
  const counts = new Map<string, number>()
  return {
    name: 'hand-written loop',
    round() {
      for (const line of lines) {
        for (const part of line.split(' ')) {
          if (part === '') continue
          const word = part.toUpperCase()
          const count = (counts.get(word) ?? 0) + 1
          counts.set(word, count)
          tally.see({ word, count })
        }
      }
      return tally.finishRound('hand-written loop')
    },
  }
}

function nodeStreams(lines: readonly string[]): Contestant {
  const tally = new Tally(lines)
  const counts = new Map<string, number>()
  return {
    name: 'Node object streams',
    async round() {
      await pipeline(
        Readable.from(lines),
        new Transform({
          objectMode: true,
          transform(line: string, _encoding, done: TransformCallback) {
            for (const part of line.split(' ')) if (part !== '') this.push(part.toUpperCase())
            done()
          },
        }),
        new Transform({
          objectMode: true,
          transform(word: string, _encoding, done: TransformCallback) {
            const count = (counts.get(word) ?? 0) + 1
            counts.set(word, count)
            done(null, { word, count })
          },
        }),
        new Writable({
          objectMode: true,
          write(result: Count, _encoding, done) {
            tally.see(result)
            done()
          },
        }),
      )
      return tally.finishRound('Node object streams')
    },
  }
}

function rx(lines: readonly string[]): Contestant {
  const tally = new Tally(lines)
  const counts = new Map<string, number>()
  return {
    name: 'RxJS',
    round() {
      from(lines)
        .pipe(
          concatMap((line) => line.split(' ').flatMap((part) => (part === '' ? [] : part.toUpperCase()))),
          map((word): Count => {
            const count = (counts.get(word) ?? 0) + 1
            counts.set(word, count)
            return { word, count }
          }),
        )
        .subscribe((result) => tally.see(result))
      return tally.finishRound('RxJS')
    },
  }
}
