import { Worker } from 'node:worker_threads'
import type { Site } from './module-error.ts'
import type { GraphModule } from './module-graph.ts'
import { headSite } from './stack.ts'

/**
 * Compiles, in order, without running anything. The first error of the message in question is left uncaught: only for
 * those does Node put the place in front of the stack, and no other means tells it. Modules need a flag to be
 * compiled, which a thread can have for itself.
 */
const compileAll = `
const { workerData } = require('node:worker_threads')
const { SourceTextModule } = require('node:vm')
const { stripTypeScriptTypes } = require('node:module')
for (const { url, source } of workerData.modules) {
  try {
    new SourceTextModule(/\\.[cm]?ts$/.test(url) ? stripTypeScriptTypes(source) : source, { identifier: url })
  } catch (error) {
    if (error.message === workerData.message) throw error
  }
}
`

/**
 * Finds where a syntax error is of which Node only told the message. It does so for what the stripped text of a
 * module has wrong, such as a decorator.
 */
export function findSyntaxError(modules: readonly GraphModule[], message: string): Promise<Site | undefined> {
  return new Promise((resolve) => {
    const worker = new Worker(compileAll, {
      eval: true,
      workerData: { message, modules: modules.map(({ url, source }) => ({ url, source })) },
      execArgv: ['--experimental-vm-modules', '--no-warnings'],
    })
    worker.once('error', (error) => resolve(headSite((error as Error).stack)))
    worker.once('exit', () => resolve(undefined))
  })
}
