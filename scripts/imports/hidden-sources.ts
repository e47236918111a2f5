/**
 * Time and randomness are given (`base/clock.ts`, `base/random.ts`): code that reads the global ones cannot be
 * replayed from a seed. Lint sees bare globals such as `setTimeout`; this sees calls, and imports that hide them.
 */
import type { Fault } from './fault.ts'
import { lineAt, type SourceFile } from './source-file.ts'
import { children, isNode, type Node } from './syntax.ts'

const clock = 'use the Clock that is given (base/clock.ts)'
const random = 'use the Random that is given (base/random.ts)'

/** `object.property` -> what to use in its place. A name in front, as in `globalThis.crypto`, changes nothing. */
const members: Readonly<Record<string, string>> = {
  'Date.now': clock,
  'performance.now': clock,
  'process.hrtime': clock,
  'Math.random': random,
  'crypto.randomUUID': random,
  'crypto.getRandomValues': random,
  'crypto.randomBytes': random,
  'crypto.randomInt': random,
}

/** Names that a module offers -> what to use in their place. */
const importedNames: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'node:perf_hooks': { performance: clock },
  'node:process': { hrtime: clock },
  'node:crypto': { randomUUID: random, randomBytes: random, randomInt: random, getRandomValues: random },
  'node:timers': { setTimeout: clock, setInterval: clock, setImmediate: clock },
  'node:timers/promises': { setTimeout: clock, setInterval: clock, setImmediate: clock, scheduler: clock },
}

export function checkHiddenSources(files: readonly SourceFile[]): Fault[] {
  const faults: Fault[] = []
  for (const file of files) {
    if (!file.path.startsWith('src/') || file.path.startsWith('src/base/')) continue
    for (const { specifier, names, line } of file.imports)
      for (const name of names) {
        const remedy = importedNames[specifier]?.[name]
        if (remedy !== undefined)
          faults.push({ path: file.path, line, message: `imports ${name} of ${specifier}: ${remedy}` })
      }
    walk(file.program, file, faults)
  }
  return faults
}

function walk(node: Node, file: SourceFile, faults: Fault[]): void {
  const found = useOf(node)
  if (found !== undefined)
    faults.push({
      path: file.path,
      line: lineAt(file.text, node.start),
      message: `uses ${found.name}: ${found.remedy}`,
    })
  for (const child of children(node)) walk(child, file, faults)
}

function useOf(node: Node): { name: string; remedy: string } | undefined {
  if (node.type === 'MemberExpression') {
    const name = `${lastName(node['object'])}.${lastName(node['property'])}`
    const remedy = Object.hasOwn(members, name) ? members[name] : undefined
    return remedy === undefined ? undefined : { name, remedy }
  }
  // `new Date(value)` only converts; without a value, and as a function, it reads the clock.
  const isDate = isNode(node['callee']) && lastName(node['callee']) === 'Date'
  const given = node['arguments']
  if (node.type === 'NewExpression' && isDate && Array.isArray(given) && given.length === 0)
    return { name: 'new Date()', remedy: clock }
  if (node.type === 'CallExpression' && isDate) return { name: 'Date()', remedy: clock }
  return undefined
}

function lastName(node: unknown): string {
  if (!isNode(node)) return ''
  if (node.type === 'Identifier') return String(node['name'])
  if (node.type === 'MemberExpression') return lastName(node['property'])
  if (node.type === 'Literal') return String(node['value'])
  return ''
}
