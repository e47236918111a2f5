import { relative } from 'node:path'
import { writeFileSync } from 'node:fs'
import { inCache, root } from '../lib/paths.ts'
import { run } from '../lib/process.ts'
import type { Checks } from './checks.ts'
import type { Part, Project } from './project.ts'

interface TypeFault {
  /** From the folder of the repository. */
  readonly path: string
  readonly line: number
  readonly message: string
}

/** All TypeScript blocks through the compiler at once; a block marked `fails` has to be refused by it. */
export async function checkTypes(projects: readonly Project[], checks: Checks): Promise<void> {
  const parts = projects.flatMap((project) =>
    project.parts.filter(isTypeScript).map((part) => ({ part, page: project.page.path })),
  )
  if (parts.length === 0) return
  const faults = await compile()
  const known = new Set<string>()
  for (const { part, page } of parts) {
    const path = relative(root, part.path ?? '')
    known.add(path)
    const own = faults.filter((fault) => fault.path === path)
    if (part.block.marks.has('fails')) {
      if (own.length > 0) checks.pass()
      else checks.fail(`${page}:${part.block.line}`, 'is marked `fails`, but its types are right')
    } else if (own.length === 0) checks.pass()
    for (const { line, message } of part.block.marks.has('fails') ? [] : own)
      checks.fail(`${page}:${part.block.line + line - 1}`, message)
  }
  for (const fault of faults.filter(({ path }) => !known.has(path)))
    checks.fail(`${fault.path}:${fault.line}`, fault.message)
}

/** Blocks that are text of declarations (the generated reference) are nothing to compile. */
export function isTypeScript({ block }: Part): boolean {
  return block.language === 'ts' && !block.marks.has('signature')
}

async function compile(): Promise<TypeFault[]> {
  const config = inCache('docs', 'tsconfig.json')
  const options = {
    extends: '../../tsconfig.json',
    // Documents show less than a program would hold.
    compilerOptions: { noUnusedLocals: false, noUnusedParameters: false, moduleDetection: 'force' },
    // Declarations that the sources need and do not import.
    include: ['**/*.ts', '../../src/**/*.d.ts'],
    exclude: ['**/node_modules'],
  }
  writeFileSync(config, JSON.stringify(options))
  const { code, output } = await run('tsc', ['-p', config, '--noEmit', '--pretty', 'false'])
  const faults = [...output.matchAll(/^(\S[^\n(]*)\((\d+),\d+\): (error [^\n]*(?:\n +[^\n]*)*)/gm)].map(
    ([, path = '', line, message = '']) => ({ path, line: Number(line), message }),
  )
  if (code !== 0 && faults.length === 0) throw new Error(`tsc failed:\n${output}`)
  return faults
}
