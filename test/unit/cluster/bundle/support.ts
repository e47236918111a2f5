import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'
import { builtInKind, builtInNames } from '../../../../src/built-in-kinds.ts'
import { type BundledDeployment, loadBundledDeployment } from '../../../../src/cluster/bundle/load-bundled.ts'
import { systemClock } from '../../../../src/base/clock.ts'
import { seededRandom } from '../../../../src/base/random.ts'
import { createLoader } from '../../../../src/worker/load-module.ts'

export type Files = Readonly<Record<string, string>>

/** A folder with files, for the time of the test. */
export function project(t: TestContext, files: Files): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'vertigo-bundle-test-')))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  write(folder, { 'package.json': '{ "type": "module" }', ...files })
  return folder
}

export function write(folder: string, files: Files): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
}

export function bundled(file: string, external: readonly string[] = []): Promise<BundledDeployment> {
  return loadBundledDeployment(file, {
    load: createLoader({ builtIn: builtInKind, builtInNames }),
    builtInNames,
    clock: systemClock,
    random: seededRandom(1),
    external,
  })
}

/** A component in TypeScript that Node cannot load, with packages of both kinds, and what it shares with another. */
export const colours: Files = {
  'tsconfig.json': `{ "compilerOptions": { "paths": { "~/*": ["./lib/*"] }, "experimentalDecorators": true, "jsx": "react", "jsxFactory": "h" } }`,
  'lib/shared.ts': `export const mark = (text: string): string => '<' + text + '>'`,
  'node_modules/esm-pkg/package.json': `{ "name": "esm-pkg", "type": "module", "exports": "./index.js" }`,
  'node_modules/esm-pkg/index.js': `export const upper = (text) => text.toUpperCase()`,
  'node_modules/cjs-pkg/package.json': `{ "name": "cjs-pkg", "main": "index.js" }`,
  'node_modules/cjs-pkg/index.js': `
const { join } = require('path')
const Emitter = require('node:events')
exports.twice = (text) => (new Emitter(), typeof __dirname === 'string' ? join(text, text) : 'no folder')`,
  'paint.tsx': `
import { defineFunction } from 'vertigo-flow'
import { upper } from 'esm-pkg'
import { twice } from 'cjs-pkg'
import { mark } from '~/shared'
enum Colour { Red = 'red', Blue = 'blue' }
const h = (tag: string, _: unknown, text: string): string => tag + ':' + text
function sealed(target: object): void { Object.freeze(target) }
@sealed
class Painter {
  constructor(private readonly colour: Colour) {}
  async paint(n: number): Promise<string> {
    const { later } = await import('./later.ts')
    return later(mark(upper(<b>{this.colour + n}</b>)))
  }
}
const painter = new Painter(Colour.Red)
export default defineFunction(async (n: number) => twice(await painter.paint(n)))`,
  'later.ts': `export const later = (text: string): string => text + '!'`,
  'plain.ts': `
import { mark } from './lib/shared.ts'
export const hooks = { onSend() {} }
export const first = () => 0
export const add = (n: number): number => n + 1
export default (text: string): string => mark(text)`,
  'net.yaml': `
name: colours
components:
  numbers: { kind: generator, config: { rate: 50 } }
  paint: { kind: ./paint.tsx }
  plain: { kind: ./plain.ts, hooks: ['./plain.ts#hooks'] }
  add: { kind: map, config: { function: './plain.ts#add' } }
connections:
  - { from: numbers.out, to: add.in }
  - { from: add.out, to: paint.in, selector: { type: custom, kind: './plain.ts#first' } }
  - { from: paint.out, to: plain.in }
`,
}
