/**
 * Writes the generated files (`npm run generate`), or with `--check` fails, with the difference, where one of them is
 * not what would be written.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { parseArgs } from 'node:util'
import { apiPage } from './generate/api.ts'
import { cliPage } from './generate/cli.ts'
import { lineDiff } from './generate/diff.ts'
import { errorsPage } from './generate/errors.ts'
import type { Generator } from './generate/generator.ts'
import { kindsPage } from './generate/kinds.ts'
import { networkPage } from './generate/network-page.ts'
import { networkSchema } from './generate/network-schema.ts'
import { openApi } from './generate/openapi.ts'
import { inRoot } from './lib/paths.ts'

const generators: readonly Generator[] = [
  errorsPage,
  networkSchema,
  networkPage,
  kindsPage,
  cliPage,
  apiPage,
  openApi,
]

const { values, positionals } = parseArgs({
  options: { check: { type: 'boolean', default: false } },
  allowPositionals: true,
})

for (const generator of generators) {
  if (positionals.length > 0 && !positionals.some((part) => generator.path.includes(part))) continue
  // One after the other: some of them run the compiler or the command line.
  await generate(generator, values.check)
}

async function generate({ path, needs, make }: Generator, check: boolean): Promise<void> {
  const missing = needs.find((source) => !existsSync(inRoot(source)))
  if (missing !== undefined) {
    console.log(`${path}: nothing to generate it from, there is no ${missing}`)
    return
  }
  const text = await make()
  const file = inRoot(path)
  const present = existsSync(file) ? readFileSync(file, 'utf8') : ''
  if (text === present) {
    console.log(`${path}: up to date`)
  } else if (check) {
    console.log(`${path}: STALE; run \`npm run generate\`\n${lineDiff(present, text)}`)
    process.exitCode = 1
  } else {
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
    console.log(`${path}: written`)
  }
}
