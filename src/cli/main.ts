#!/usr/bin/env node
// As a whole, since older versions of Node refuse to import what they do not have by its name.
import * as nodeModule from 'node:module'
import { nodeFault } from './node-version.ts'

const fault = nodeFault(process.versions.node)
if (fault !== undefined) {
  process.stderr.write(fault)
  // That of NODE_UNSUPPORTED.
  process.exit(2)
}

// Compiled code, and TypeScript stripped of its types, is kept between runs; before anything else is loaded.
nodeModule.enableCompileCache()

const args = process.argv.slice(2)
const engine = args[0] === 'run' ? await import('./run/engine-process.ts') : undefined
engine?.beginEngine(args)

// Modules of the user's that are loaded in this process take the place of it for a while.
const exit = process.exit.bind(process)

const [{ commandLine }, { outputExit, outputWritten }] = await Promise.all([
  import('./command-line.ts'),
  import('./output.ts'),
])
const code = await commandLine(args)
engine?.dropEngine()
await outputWritten()
// A module of the user's may have left timers or sockets behind that would keep the process for ever.
exit(outputExit() ?? code)
