import { VertigoError } from '../../base/errors.ts'
import type { FlatNetwork } from '../../model/flatten.ts'
import { parsePortRef } from '../../model/network.ts'
import { isClientPort } from '../protocol/index.ts'

/**
 * What of a deployment has a name that is in use for something else. A file is merged into the network of its name, and what
 * it names is added or replaced: that is what deploying means, and no clash. These are:
 *
 * - NC-1 A single component becomes a network of its own: a network that holds anything else has the name already.
 * - NC-2 An export is what programs outside know a network by: a part does not lead it elsewhere that does not name the
 *   component behind it, so that its author may not know of it.
 *
 * Errors: NAME_TAKEN, before anything is written.
 */
export function refuseClash(current: FlatNetwork, part: FlatNetwork, isAlone: boolean): void {
  if (isAlone) refuseTakenNetwork(current, part)
  refuseTakenExports(current, part)
}

function refuseTakenNetwork(current: FlatNetwork, part: FlatNetwork): void {
  const [[name, { kind }] = ['', { kind: '' }]] = Object.entries(part.components)
  const there = Object.keys(current.components).filter((component) => !isClientPort(component))
  // One without components waits for some.
  if (there.length === 0) return
  const known = Object.hasOwn(current.components, name) ? current.components[name] : undefined
  if (there.length === 1 && known !== undefined && isSameKind(known.kind, kind)) return
  const what =
    there.length === 1 && known !== undefined
      ? `the component ${known.kind}`
      : `a network with ${there.length === 1 ? 'the component' : 'the components'} ${listed(there)}`
  throw new VertigoError(
    'NAME_TAKEN',
    `The component ${kind} was to be deployed as "${current.name}", which is ${what}.`,
    {
      remedy:
        'Give it another name (`--name <name>`). To put it in place of what is there, add `--replace`; to add it to the network, deploy a file of that network that names it.',
    },
  )
}

function refuseTakenExports(current: FlatNetwork, part: FlatNetwork): void {
  for (const side of ['inputs', 'outputs'] as const)
    for (const [name, ref] of Object.entries(part.exports?.[side] ?? {})) {
      const ports = current.exports?.[side] ?? {}
      const known = Object.hasOwn(ports, name) ? ports[name]! : ref
      if (known === ref || Object.hasOwn(part.components, componentOf(known))) continue
      throw new VertigoError(
        'NAME_TAKEN',
        `The part exports ${ref} as ${side === 'inputs' ? 'input' : 'output'} "${name}"; in the network "${current.name}" that is ${known}, which the part does not name.`,
        {
          remedy: `Export it under another name; or undeploy the export of ${known} first; or deploy the whole network with \`--replace\`.`,
        },
      )
    }
}

/** Bundles are named by what is in them: the next state of a component has another one. */
function isSameKind(a: string, b: string): boolean {
  return (
    a === b ||
    (isCode(a) &&
      isCode(b) &&
      (a.startsWith('bundle:') || b.startsWith('bundle:')) &&
      exportOf(a) === exportOf(b))
  )
}

function isCode(address: string): boolean {
  return /^(?:bundle|file):/.test(address)
}

function exportOf(address: string): string {
  return address.includes('#') ? address.slice(address.indexOf('#')) : ''
}

function componentOf(ref: string): string {
  return parsePortRef(ref)?.component ?? ref
}

const listedMax = 5

function listed(names: readonly string[]): string {
  const more = names.length > listedMax ? ` and ${names.length - listedMax} more` : ''
  return names.slice(0, listedMax).join(', ') + more
}
