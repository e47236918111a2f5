#!/usr/bin/env node
import { enableCompileCache } from 'node:module'

// Compiled code, and TypeScript stripped of its types, is kept between runs; before anything else is loaded.
enableCompileCache()

// Modules of the user's that are loaded in this process take the place of it for a while.
const exit = process.exit.bind(process)

const [{ commandLine }, { outputExit, outputWritten }] = await Promise.all([
  import('./command-line.ts'),
  import('./output.ts'),
])
const code = await commandLine(process.argv.slice(2))
await outputWritten()
// A module of the user's may have left timers or sockets behind that would keep the process for ever.
exit(outputExit() ?? code)
