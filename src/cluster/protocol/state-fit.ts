import type { ErrorText } from './fields.ts'
import type { StateFacts, VersionRecord } from './network-record.ts'

/**
 * Whether a version of a network can go on from the state of another one, as far as the kinds say it: whoever deploys is told, and a
 * manager refuses it, before anything runs. Instances look again, at what is in the snapshot.
 */

type Version = Pick<VersionRecord, 'flat' | 'kinds'>

/** `discards`: components that begin anew. Undefined where nothing is in the way. */
export function unfitState(
  before: Version,
  after: Version,
  discards: readonly string[] = [],
): ErrorText | undefined {
  for (const component of Object.keys(after.flat.components)) {
    if (discards.includes(component)) continue
    const [was, is] = [stateOf(before, component), stateOf(after, component)]
    if (was === undefined || was.states.length === 0) continue
    const unfit = unfitVersion(component, was, is) ?? unfitCopies(component, was, is, before, after)
    if (unfit !== undefined) return unfit
  }
  return undefined
}

const discarding = (component: string): string => `\`--discard-state ${component}\` lets it begin anew`

function unfitVersion(component: string, was: StateFacts, is: StateFacts | undefined): ErrorText | undefined {
  const to = is?.version ?? was.version
  for (let version = was.version + 1; version <= to; version++)
    if (!is!.up.includes(version))
      return unknownVersion(component, was, to, `version ${version} has no \`up\``)
  for (let version = was.version; version > to; version--)
    if (!is?.down.includes(version) && !was.down.includes(version))
      return unknownVersion(component, was, to, `version ${version} has no \`down\``)
  return was.version === to ? changed(component, was, is?.states ?? []) : undefined
}

function unknownVersion(component: string, was: StateFacts, to: number, what: string): ErrorText {
  return {
    code: 'STATE_VERSION_UNKNOWN',
    message: `The state of ${component} is of version ${was.version}, and is to be of version ${to}: ${what}.`,
    component,
    remedy: `Add the step to \`migrate\` of its kind; or ${discarding(component)}.`,
  }
}

function changed(component: string, was: StateFacts, states: StateFacts['states']): ErrorText | undefined {
  for (const { name, type, scope } of was.states) {
    const now = states.find((state) => state.name === name)
    if (now?.type === type && now.scope === scope) continue
    const what =
      now === undefined ? 'is not declared any more' : `is declared as a ${now.type} (${now.scope})`
    return {
      code: 'STATE_CHANGED',
      message: `The ${type} "${name}" (${scope}) in the state of ${component} ${what}, in the same version of the state.`,
      component,
      remedy: `Raise its \`stateVersion\` and say in \`migrate\` what becomes of it; or ${discarding(component)}.`,
    }
  }
  return undefined
}

/** State of the instance moves to other numbers of instances as its author says, or not at all. */
function unfitCopies(
  component: string,
  was: StateFacts,
  is: StateFacts | undefined,
  before: Version,
  after: Version,
): ErrorText | undefined {
  const [from, to] = [copies(before, component), copies(after, component)]
  if (from === to || !was.states.some(({ scope }) => scope === 'instance')) return undefined
  const fixed = is?.states.find(({ scope, onRescale }) => scope === 'instance' && onRescale === 'refuse')
  if (fixed === undefined) return undefined
  return {
    code: 'SNAPSHOT_NOT_DIVISIBLE',
    message: `${component} has the state "${fixed.name}" of each instance, and cannot have ${to} instances in place of ${from}.`,
    component,
    remedy: `Declare it as a list or map with \`onRescale: split\` or \`union\`, or key it; or ${discarding(component)}.`,
  }
}

function copies({ flat }: Version, component: string): number {
  return flat.components[component]?.instances ?? 1
}

function stateOf({ kinds }: Version, component: string): StateFacts | undefined {
  return Object.hasOwn(kinds, component) ? kinds[component]!.state : undefined
}
