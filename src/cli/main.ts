#!/usr/bin/env node
import { enableCompileCache } from 'node:module'

// Compiled code, and TypeScript stripped of its types, is kept between runs; before anything else is loaded.
enableCompileCache()

const { commandLine } = await import('./command-line.ts')
process.exitCode = await commandLine(process.argv.slice(2))
