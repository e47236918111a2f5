import { writeFileSync } from 'node:fs'
import { basename, delimiter } from 'node:path'
import { inRoot } from '../lib/paths.ts'
import { run, type RunOptions, type RunResult } from '../lib/process.ts'
import type { Checks } from './checks.ts'
import { commandFolder, type Part, type Project } from './project.ts'
import { expectedParts, matches } from './console.ts'

const blockTimeoutMs = 120_000

/** Blocks marked `run`, and networks, in the order of the page: later ones may use what earlier ones made. */
export async function runBlocks({ page, parts }: Project, checks: Checks): Promise<void> {
  for (const part of parts) {
    // In order: a block may read what the one before it wrote.
    const outcome = await runBlock(part)
    if (outcome === 'nothing to run') continue
    if (outcome === 'fine') checks.pass()
    else checks.fail(`${page.path}:${part.block.line}`, outcome.fault)
  }
}

type Outcome = 'nothing to run' | 'fine' | { readonly fault: string }

async function runBlock(part: Part): Promise<Outcome> {
  const { language, marks } = part.block
  switch (language) {
    case 'ts':
      return marks.has('run') ? outcomeOf(await runProgram(part)) : 'nothing to run'
    case 'sh':
      return marks.has('run') ? outcomeOf(await shell(part, part.block.text)) : 'nothing to run'
    case 'console':
      return marks.has('run') ? runConsole(part) : 'nothing to run'
    case 'yaml':
    case 'json':
      return marks.has('network') ? validate(part) : 'nothing to run'
    default:
      return 'nothing to run'
  }
}

function runProgram({ folder, path = '' }: Part): Promise<RunResult> {
  return run(process.execPath, [path], options(folder))
}

/** Commands behind `$ `, each with what it has to print below it, where the block is marked `output`. */
async function runConsole(part: Part): Promise<Outcome> {
  for (const { command, expected } of expectedParts(part.block.text)) {
    const result = await shell(part, command)
    const outcome = outcomeOf(result)
    if (outcome !== 'fine') return outcome
    if (part.block.marks.has('output') && !matches(result.output, expected))
      return { fault: `\`${command}\` printed\n${result.output}\nand the page says\n${expected}` }
  }
  return 'fine'
}

async function validate(part: Part): Promise<Outcome> {
  let name = part.path === undefined ? undefined : part.block.file
  if (name === undefined) {
    name = `network-${part.block.line}.${part.block.language}`
    writeFileSync(`${part.folder}/${basename(name)}`, part.block.text)
  }
  return outcomeOf(await shell(part, `vertigo validate ${name}`))
}

function shell({ folder }: Part, script: string): Promise<RunResult> {
  return run('sh', ['-eu', '-c', script], options(folder))
}

function options(cwd: string): RunOptions {
  return {
    cwd,
    timeoutMs: blockTimeoutMs,
    env: {
      PATH: [commandFolder, inRoot('node_modules/.bin'), process.env['PATH'] ?? ''].join(delimiter),
      NO_COLOR: '1',
    },
  }
}

function outcomeOf({ code, output, timedOut }: RunResult): Outcome {
  if (timedOut) return { fault: `was not done after ${blockTimeoutMs / 1000} s:\n${output}` }
  return code === 0 ? 'fine' : { fault: `ended with exit code ${code}:\n${output}` }
}
