import { VertigoError } from '../base/errors.ts'
import { checkText, type JsonDocument, readJson, readYaml } from './document.ts'
import { type FbpGraph, isFbpGraph, fromFbpGraph, fromFbpText } from './fbp.ts'
import { type NetworkFormat, networkFormat } from './format.ts'
import type { Network } from './network.ts'
import { networkInvalid, type Places } from './places.ts'
import { networkSchema } from './schema.ts'
import { checkShape } from './shape.ts'

export interface ParsedNetwork {
  readonly network: Network
  readonly places: Places
  /** An FBP graph that does not tell ports apart by case, which is FBP's default: see `matchPortCase`. */
  readonly anyCase?: true
}

export interface ParseOptions {
  /** Path or URL of the file, as the user gave it; errors name it. */
  readonly file: string
  /** Default: by the file's ending. */
  readonly format?: NetworkFormat
}

/**
 * Reads the text of a network and checks its form (not yet its meaning: that is `validateNetwork`). JSON and YAML hold
 * the fields of `Network`, or an FBP JSON graph; `.fbp` is the FBP language.
 *
 * Throws `NETWORK_SYNTAX` with line and column for text that cannot be parsed, and `NETWORK_INVALID` with all
 * `faults`, each with its place, for a document that is no network.
 */
export function parseNetwork(text: string, options: ParseOptions): ParsedNetwork {
  const { file } = options
  const format = options.format ?? networkFormat(file)
  if (format === undefined)
    throw new VertigoError('NETWORK_SYNTAX', `The format of ${file} cannot be told from its name.`, {
      place: { file },
      remedy: 'Let the name end in .yaml, .yml, .json or .fbp.',
    })
  const content = checkText(text, file)
  if (format === 'fbp') return { ...checked(fromFbpText(content, file)), anyCase: true }
  const document = format === 'json' ? readJson(content, file) : readYaml(content, file)
  if (!isFbpGraph(document.value)) return checked(document)
  const parsed = checked(fromFbpGraph(document))
  return (document.value as unknown as FbpGraph).caseSensitive === true
    ? parsed
    : { ...parsed, anyCase: true }
}

/**
 * Checks the form of a network that is a value already, such as one built in code. Throws `NETWORK_INVALID` with all
 * `faults`.
 */
export function parseNetworkValue(value: unknown, places: Places): Network {
  const faults = checkShape(value, networkSchema, places)
  if (faults.length > 0) throw networkInvalid(faults, places.file)
  return withoutSchemaField(value as Network)
}

function checked(document: JsonDocument): ParsedNetwork {
  const { value, places } = document
  const faults = [...document.faults, ...checkShape(value, networkSchema, places)]
  if (faults.length > 0) throw networkInvalid(faults, places.file)
  return { network: withoutSchemaField(value as unknown as Network), places }
}

/** `$schema` is for editors only. */
function withoutSchemaField(network: Network & { readonly $schema?: string }): Network {
  if (!Object.hasOwn(network, '$schema')) return network
  const { $schema: _, ...rest } = network
  return rest
}
