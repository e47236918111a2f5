import { VertigoError } from '../base/errors.ts'
import { didYouMean } from '../base/suggest.ts'
import type { FlatComponent, FlatNetwork } from '../model/flatten.ts'
import type { Json } from '../model/network.ts'
import { parseNetworkValue } from '../model/parse.ts'
import { placesOfFile } from '../model/places.ts'
import type { Override } from './types.ts'

/**
 * Applies `--set component.config.key=value` to a flat network. The path begins with a component's name; values replace
 * what was there. Errors: COMPONENT_UNKNOWN with the nearest name; faults of the changed component's form.
 */
export function applyOverrides(network: FlatNetwork, overrides: readonly Override[]): FlatNetwork {
  if (overrides.length === 0) return network
  const components: Record<string, FlatComponent> = { ...network.components }
  for (const { path, value } of overrides) {
    const [name = '', ...fields] = path
    const component = Object.hasOwn(components, name) ? components[name] : undefined
    if (component === undefined) {
      const near = didYouMean(name, Object.keys(components))
      throw new VertigoError(
        'COMPONENT_UNKNOWN',
        `There is no component "${name}" to set ${path.join('.')} of.${near}`,
        {
          remedy: 'Give the path as component.config.field=value.',
        },
      )
    }
    if (fields.length === 0) {
      throw new VertigoError(
        'USAGE',
        `"${name}" is a whole component; give a field, such as ${name}.config.path=value.`,
      )
    }
    const changed = setIn(
      component as unknown as Record<string, Json>,
      fields,
      value as Json,
    ) as unknown as FlatComponent
    checkForm(name, changed)
    components[name] = changed
  }
  return { ...network, components }
}

function setIn(
  record: Readonly<Record<string, Json>>,
  path: readonly string[],
  value: Json,
): Record<string, Json> {
  const [field = '', ...rest] = path
  if (rest.length === 0) return { ...record, [field]: value }
  const inner = Object.hasOwn(record, field) ? record[field] : undefined
  const isRecord = typeof inner === 'object' && inner !== null && !Array.isArray(inner)
  return { ...record, [field]: setIn(isRecord ? (inner as Record<string, Json>) : {}, rest, value) }
}

function checkForm(name: string, { base: _, ...component }: FlatComponent): void {
  // A name of a subnet's component has a slash, which is no name that anyone writes.
  const shown = name.replaceAll('/', '-')
  parseNetworkValue(
    { name: 'override', components: { [shown]: component }, connections: [] },
    placesOfFile('--set'),
  )
}
