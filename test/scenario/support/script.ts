import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'

/**
 * Scenario files: text, and commands (`> name words`, with indented lines below as their input), each followed by what it
 * says. The idea is that of the data-driven tests of etcd's raft library: one reads a run from top to bottom, and what has
 * changed in it is seen in the difference. `VERTIGO_SCENARIOS=write` writes what the commands say now into the files, for
 * review.
 */
export type Command = (words: readonly string[], input: readonly string[]) => string

export function testScripts(folder: URL, subject: () => { readonly [name: string]: Command }): void {
  const files = readdirSync(folder).filter((name) => name.endsWith('.txt'))
  for (const name of files.toSorted())
    test(name.replace('.txt', '').replaceAll('-', ' '), () => {
      const file = new URL(name, folder)
      const expected = readFileSync(file, 'utf8')
      const actual = runScript(expected, subject())
      if (process.env.VERTIGO_SCENARIOS === 'write') writeFileSync(file, actual)
      else assert.equal(actual, expected)
    })
  test('there are scenarios', () => assert.ok(files.length > 0))
}

function runScript(text: string, commands: { readonly [name: string]: Command }): string {
  const lines = text.trimEnd().split('\n')
  const out: string[] = []
  for (let at = 0; at < lines.length;) {
    const line = lines[at++]!
    out.push(line)
    if (!line.startsWith('> ')) continue
    const [name, ...words] = line.slice(2).trim().split(/\s+/)
    const command = commands[name!]
    if (command === undefined) throw new Error(`there is no command "${name}"`)
    const input: string[] = []
    while (lines[at]?.startsWith('    ') === true) input.push(lines[at++]!)
    out.push(...input)
    // What it said before: up to the next command or the next remark.
    while (at < lines.length && !/^(> |# |$)/.test(lines[at]!)) at++
    const said = command(words, input)
    if (said !== '') out.push(said)
  }
  return `${out.join('\n')}\n`
}
