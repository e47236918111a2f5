import { enableCompileCache } from 'node:module'

/** The main module of the child that runs the engine for `vertigo run`. The cache of compiled code has to be there before the rest. */

enableCompileCache()
await import('./engine-main.ts')
