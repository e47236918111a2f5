import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { inRoot } from '../../../scripts/lib/paths.ts'

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>
  readonly devDependencies: Readonly<Record<string, string>>
  readonly overrides: Readonly<Record<string, string>>
}

const manifest = JSON.parse(readFileSync(inRoot('package.json'), 'utf8')) as Manifest
const page = readFileSync(inRoot('docs/dependencies.md'), 'utf8')

/** The first cells of the table below a heading, each with the number of its filled cells. */
function lines(heading: string): Map<string, number> {
  const section = page.split(/^## /m).find((text) => text.startsWith(heading)) ?? ''
  const rows = section.matchAll(/^\| `([^`]+)`\s*\|(.*)\|$/gm)
  return new Map(
    Array.from(rows, ([, name = '', rest = '']) => [
      name,
      rest.split('|').filter((cell) => cell.trim() !== '').length,
    ]),
  )
}

for (const [heading, declared] of [
  ['At run time', manifest.dependencies],
  ['For development', manifest.devDependencies],
] as const)
  test(`${heading.toLowerCase()}: each dependency has a line in docs/dependencies.md, and no line is left over`, () => {
    const described = lines(heading)
    assert.deepEqual([...described.keys()], Object.keys(declared).toSorted())
    for (const [name, cells] of described)
      assert.equal(cells, 3, `${name}: what for, why this one, turned down`)
  })

test('every override is explained', () => {
  for (const [name, version] of Object.entries(manifest.overrides))
    assert.ok(page.includes(`\`${name}\``) && page.includes(version), `${name} ${version}`)
})

interface Lock {
  readonly packages: Readonly<
    Record<string, { readonly optionalDependencies?: Readonly<Record<string, string>> }>
  >
}

test('the lock file has every package for other platforms; npm ci refuses it otherwise', () => {
  const { packages } = JSON.parse(readFileSync(inRoot('package-lock.json'), 'utf8')) as Lock
  const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies)
      .filter(
        (name) => ![`node_modules/${name}`, `${path}/node_modules/${name}`].some((at) => at in packages),
      )
      .map((name) => `${path} needs ${name}: take a version of it that has all its platform packages`),
  )
  assert.deepEqual(missing, [])
})
