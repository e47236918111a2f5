import * as v from 'valibot'
import type { VertigoError } from '../../base/errors.ts'
import { isRecord } from '../../base/values.ts'
import { flatNetworkSchema } from '../../model/flat-schema.ts'
import type { FlatNetwork } from '../../model/flatten.ts'
import { fault, networkInvalid, type Path, placesOfFile } from '../../model/places.ts'
import { checkShape } from '../../model/shape.ts'
import { type KindFacts, kindFactsSchema } from '../protocol/index.ts'
import type { Deployment } from './deployment.ts'

/**
 * Takes a deployment from somewhere else, where anything may come from: the form of all that is in it, that its addresses
 * are complete, and that what is known of its kinds fits a cluster. What it means is checked when it is deployed.
 *
 * Errors: NETWORK_INVALID with all `faults`.
 */
export function checkDeployment(part: unknown, kinds: unknown, alone = false): Deployment {
  const flat = checkPart(part)
  const places = placesOfFile(`"${flat.name}"`)
  const faults = [...incompleteAddresses(flat)]
  const known: Record<string, KindFacts> = {}
  for (const name of Object.keys(flat.components)) {
    const given = isRecord(kinds) && Object.hasOwn(kinds, name) ? kinds[name] : undefined
    const parsed = v.safeParse(kindFactsSchema, given)
    const path = ['components', name, 'kind']
    if (!parsed.success) {
      const [issue] = parsed.issues
      const at = v.getDotPath(issue)
      const message = `What \`kinds\` says of ${name} does not fit: ${at === null ? '' : `${at}: `}${issue.message}.`
      faults.push(fault('FIELD_INVALID', message, places, path))
    } else if (parsed.output.inMain) {
      const message = `${name} talks to the process that runs its network, and cannot run in a cluster.`
      faults.push(fault('KIND_NOT_IN_CLUSTER', message, places, path))
    } else {
      known[name] = parsed.output
    }
  }
  if (faults.length > 0) throw networkInvalid(faults, places.file)
  return { part: flat, kinds: known, ...(alone && { alone }) }
}

/** The form of a flat network, of which only names may count. Errors: NETWORK_INVALID. */
export function checkPart(part: unknown): FlatNetwork {
  const places = placesOfFile('the request')
  const faults = checkShape(part, flatNetworkSchema, places)
  if (faults.length > 0) throw networkInvalid(faults, places.file)
  return part as FlatNetwork
}

/** A path or `#name` would mean something else on each node. */
function* incompleteAddresses({ name, components, connections }: FlatNetwork): Generator<VertigoError> {
  const places = placesOfFile(`"${name}"`)
  const check = (address: string, path: Path): VertigoError[] => {
    if (!/^(\.{0,2}[/\\]|\.{1,2}$|#|[a-z]:[/\\])/i.test(address)) return []
    const message = `The address "${address}" is not complete: it depends on where it is written.`
    const remedy = 'Deploy with `vertigo deploy`, which completes addresses; or write the `file:` URL.'
    return [fault('FIELD_INVALID', message, places, path, { remedy })]
  }
  for (const [component, { kind, hooks = [] }] of Object.entries(components)) {
    yield* check(kind, ['components', component, 'kind'])
    for (const [at, hook] of hooks.entries()) yield* check(hook, ['components', component, 'hooks', at])
  }
  for (const [at, { selector, hooks = {} }] of connections.entries()) {
    if (typeof selector === 'object' && selector.type === 'custom')
      yield* check(selector.kind, ['connections', at, 'selector', 'kind'])
    for (const side of ['send', 'receive'] as const)
      for (const [nth, hook] of (hooks[side] ?? []).entries())
        yield* check(hook, ['connections', at, 'hooks', side, nth])
  }
}
