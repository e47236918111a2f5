/** Builds `dist/`. */
import { rmSync } from 'node:fs'
import { buildPackage } from './lib/package-build.ts'
import { inRoot } from './lib/paths.ts'

const dist = inRoot('dist')
rmSync(dist, { recursive: true, force: true })
await buildPackage(dist)
