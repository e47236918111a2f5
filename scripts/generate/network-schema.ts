import { pathToFileURL } from 'node:url'
import { inRoot } from '../lib/paths.ts'
import type { Generator } from './generator.ts'

const source = 'src/model/schema.ts'

/** `schema/network.json`: what editors check and complete networks with. */
export const networkSchema: Generator = {
  path: 'schema/network.json',
  needs: [source],
  make: networkSchemaText,
}

/** Imported when it is needed, so that a fault in the model leaves the other generators alone. */
export async function networkSchemaText(): Promise<string> {
  const module = (await import(pathToFileURL(inRoot(source)).href)) as { networkSchemaText(): string }
  const text = module.networkSchemaText()
  return text.endsWith('\n') ? text : `${text}\n`
}
