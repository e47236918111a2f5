import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { checkExample, readJsonLines } from '../lib/example.ts'

const home = import.meta.dirname

interface Received {
  readonly path: string
  readonly size: number
  readonly sha256: string
}

await checkExample(home, async ({ folder, vertigo, file }) => {
  const made = join(folder, 'made')
  makeFiles(made)
  for (const [name, from] of [
    ['default', join(home, '../01-word-count')],
    ['made', file ?? made],
  ] as const) {
    const to = join(folder, `copy-of-${name}`)
    const result = join(folder, `${name}.jsonl`)
    mkdirSync(to)
    const settings = [`receive.config.directory=${to}`, `result.config.path=${result}`]
    if (name !== 'default') settings.push(`list.config.folder=${from}`, `send.config.base=${from}`)
    await vertigo('run', 'network.yaml', ...settings.flatMap((setting) => ['--set', setting]))

    const names = filesBelow(from)
    assert.ok(names.length > 0)
    assert.deepEqual(filesBelow(to), names)
    const expected: Received[] = []
    for (const each of names) {
      const bytes = readFileSync(join(from, each))
      assert.ok(bytes.equals(readFileSync(join(to, each))), `${each} is not what it was`)
      const sha256 = createHash('sha256').update(bytes).digest('hex')
      expected.push({ path: join(to, each), size: bytes.length, sha256 })
    }
    const received = readJsonLines<Received>(result).toSorted((a, b) => (a.path < b.path ? -1 : 1))
    assert.deepEqual(received, expected)
  }
})

/** Small and large, empty, deep, and with a name that is not ASCII; the large ones take many chunks. */
function makeFiles(folder: string): void {
  const sizes = {
    empty: 0,
    'small.txt': 5,
    'deep/er/one-chunk.bin': 65_536,
    'größer.bin': 3_000_001,
    'z.bin': 1_000_000,
  }
  for (const [name, size] of Object.entries(sizes)) {
    mkdirSync(join(folder, name, '..'), { recursive: true })
    const bytes = Buffer.alloc(size)
    for (let at = 0; at < size; at++) bytes[at] = (at * 31 + (at >> 8) + size) & 255
    writeFileSync(join(folder, name), bytes)
  }
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .toSorted()
}
