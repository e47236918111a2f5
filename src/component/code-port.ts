import { VertigoError } from '../base/errors.ts'
import { didYouMean } from '../base/suggest.ts'

/** The components of a network that exchange messages with the code that runs it. */
export type CodePortKind = 'feeder' | 'collector'

/** PORT_UNKNOWN, for a name that none of those components has; `names`: those that have one. */
export function unknownCodePort(
  component: string,
  kind: CodePortKind,
  names: Iterable<string>,
): VertigoError {
  const known = [...names]
  const list = known.length === 0 ? 'It has none.' : `It has: ${known.join(', ')}.`
  return new VertigoError(
    'PORT_UNKNOWN',
    `the network has no component "${component}" of the kind ${kind}.${didYouMean(component, known)} ${list}`,
  )
}
