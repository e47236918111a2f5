import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { defineComponent, network, port } from 'vertigo-flow'
import { fileLines as kind } from 'vertigo-flow/connectors'
import { type Benchmark, atLeast, rateRows } from './lib/benchmark.ts'
import { type Contestant, contest, ratio } from './lib/contest.ts'
import { runHere } from './lib/local-network.ts'
import { writeTextFile } from './lib/text.ts'

/** Lines of a file, from the source `file-lines` into a sink that counts them; and two ways without an engine. */

const fileBytes = 8 * 1024 * 1024
const chunkBytes = 64 * 1024

export const fileLines: Benchmark = {
  name: 'file-lines',
  subject: 'Lines of a file of 8 MiB into a sink that only counts, in one thread',
  async run({ quick, file }) {
    const path = writeTextFile(fileBytes, file)
    const expected = await countLines(path)
    const ways: Readonly<Record<string, (path: string) => Promise<Counted>>> = {
      Vertigo: vertigoLines,
      'chunks, decoded and split': splitChunks,
      'node:readline': readLines,
    }
    const contestants = Object.entries(ways).map(([name, way]): Contestant => ({
      name,
      async round() {
        const { lines, characters } = await way(path)
        if (lines !== expected.lines || characters !== expected.characters) {
          throw new Error(
            `${name}: ${lines} lines with ${characters} characters; there are ${expected.lines} with ${expected.characters}`,
          )
        }
        return lines
      },
    }))
    const scores = await contest(contestants, {
      time: 'cpu',
      rounds: quick ? 9 : 31,
      warmUpRounds: quick ? 4 : 10,
    })
    return {
      rows: rateRows(scores, 'lines'),
      targets: [atLeast('1 times node:readline', ratio(scores, 'Vertigo', 'node:readline'), 1)],
      notes: [
        'Splitting a decoded chunk is faster, but each line is then a view that keeps its whole chunk in memory; the source decodes each line for itself.',
        'Each round of Vertigo is a whole run: loading, checking, setting up, closing.',
      ],
    }
  },
}

interface Counted {
  lines: number
  characters: number
}

async function vertigoLines(path: string): Promise<Counted> {
  const counted: Counted = { lines: 0, characters: 0 }
  const net = network('file-lines')
  const sink = defineComponent({
    inputs: { in: port<string>() },
    on: {
      in(line) {
        counted.lines++
        counted.characters += line.length
      },
    },
  })
  net.connect(net.add('lines', kind, { config: { path } }).outputs.out, net.add('sink', sink).inputs.in)
  const running = await runHere(net)
  await running.done
  return counted
}

async function splitChunks(path: string): Promise<Counted> {
  const counted: Counted = { lines: 0, characters: 0 }
  const decoder = new TextDecoder()
  const chunk = new Uint8Array(chunkBytes)
  await using file = await open(path)
  let rest = ''
  for (;;) {
    const { bytesRead } = await file.read(chunk)
    if (bytesRead === 0) break
    const lines = (rest + decoder.decode(chunk.subarray(0, bytesRead), { stream: true })).split('\n')
    rest = lines.pop()!
    for (const line of lines) count(counted, line.endsWith('\r') ? line.slice(0, -1) : line)
  }
  if (rest !== '') count(counted, rest)
  return counted
}

function count(counted: Counted, line: string): void {
  counted.lines++
  counted.characters += line.length
}

async function readLines(path: string): Promise<Counted> {
  const counted: Counted = { lines: 0, characters: 0 }
  const lines = createInterface({ input: createReadStream(path), crlfDelay: Infinity })
  for await (const line of lines) {
    counted.lines++
    counted.characters += line.length
  }
  return counted
}

const countLines = splitChunks
