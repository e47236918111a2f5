import { join, relative, sep } from 'node:path'
import type { ErrorCode } from '../../base/error-codes.ts'
import { VertigoError } from '../../base/errors.ts'
import { type Network, selectorSpec } from '../../model/network.ts'
import { fault, type Path, pathText, type Places, sortFaults } from '../../model/places.ts'
import type { About, CheckFile } from './check-file.ts'
import type { Diagnostic } from './compiler.ts'

/** What the compiler says about a network. */
export interface TypeCheckFindings {
  /** What does not fit, in the order of the file. */
  readonly faults: readonly VertigoError[]
  /** Number of connections whose types were compared. */
  readonly checked: number
  readonly unchecked: readonly UncheckedConnection[]
}

export interface UncheckedConnection {
  /** Index in `connections`. */
  readonly connection: number
  /** Such as `split.word -> count.word`. */
  readonly name: string
  /** Why nothing is known. */
  readonly why: string
}

type Finding = Extract<About, { readonly says: 'fault' }>

/** What the compiler's errors in the check file, and in the user's modules, say about the network. Pure. */
export function readDiagnostics(
  network: Network,
  check: CheckFile,
  checkPath: string,
  diagnostics: readonly Diagnostic[],
  places: Places,
): TypeCheckFindings {
  const unknown = new Map(check.untyped)
  const anyTyped = new Set<number>()
  const open = new Set<number>()
  const found: { readonly about: Finding; readonly diagnostic: Diagnostic }[] = []
  const faults: VertigoError[] = []
  let compared = false
  for (const diagnostic of diagnostics) {
    if (diagnostic.file !== checkPath) {
      if (!isForeign(diagnostic.file)) faults.push(moduleFault(diagnostic))
      continue
    }
    const about = check.lines[diagnostic.line - 1]?.about
    if (about === undefined)
      throw new VertigoError(
        'TYPESCRIPT_FAILED',
        `The types of vertigo-flow cannot be used: ${diagnostic.message} (${diagnostic.code})`,
        {
          remedy:
            'Install vertigo-flow beside the network, and check `module` and `moduleResolution` in tsconfig.json.',
        },
      )
    if (about.says === 'compared') compared = true
    else if (about.says === 'any') anyTyped.add(about.connection)
    else if (about.says === 'open') open.add(about.connection)
    else if (about.says === 'untyped') for (const name of about.components) unknown.set(name, about.why)
    else found.push({ about, diagnostic })
  }
  if (!compared) return notCompared(network, faults)
  // A module that the compiler cannot read, or an export that is no kind: what follows from it says nothing new.
  const reported = new Set<string>()
  for (const { about, diagnostic } of found) {
    if (about.what !== 'kind' && about.what !== 'function') continue
    const name = String(about.path[1])
    if (unknown.has(name)) continue
    const follows = about.after?.some((sender) => unknown.has(sender)) ?? false
    if (!follows) faults.push(faultOf(network, about, diagnostic, places))
    unknown.set(name, follows ? 'what comes in is of no known type' : 'its kind has a fault')
  }
  const unchecked = uncheckedConnections(network, unknown, anyTyped)
  const isUnchecked = new Set(unchecked.map(({ connection }) => connection))
  for (const { about, diagnostic } of found) {
    const { what, path } = about
    const index = path[0] === 'connections' ? Number(path[1]) : undefined
    if (what === 'kind' || what === 'function' || reported.has(pathText(path))) continue
    if (index === undefined && unknown.has(ownerOf(network, path))) continue
    if (index !== undefined && isUnchecked.has(index)) continue
    if (index !== undefined && open.has(index)) {
      unchecked.push({
        ...named(network, index),
        why: `${network.connections[index]!.from} declares no type`,
      })
      isUnchecked.add(index)
      continue
    }
    reported.add(pathText(path))
    faults.push(faultOf(network, about, diagnostic, places))
  }
  unchecked.sort((a, b) => a.connection - b.connection)
  return { faults: sortFaults(faults), checked: network.connections.length - unchecked.length, unchecked }
}

/** The compiler stopped at errors of syntax or of its configuration. */
function notCompared(network: Network, faults: readonly VertigoError[]): TypeCheckFindings {
  const [first] = faults
  if (first === undefined)
    throw new VertigoError('TYPESCRIPT_FAILED', 'The compiler ended without comparing any types.')
  const why = `the compiler stopped at an error in ${first.place.file}`
  const unchecked = network.connections.map((_, index) => ({ ...named(network, index), why }))
  return { faults: sortFaults(faults), checked: 0, unchecked }
}

function uncheckedConnections(
  network: Network,
  unknown: ReadonlyMap<string, string>,
  anyTyped: ReadonlySet<number>,
): UncheckedConnection[] {
  return network.connections.flatMap(({ from, to }, index) => {
    const name = [componentOf(from), componentOf(to)].find((each) => unknown.has(each))
    if (name !== undefined) return { ...named(network, index), why: `${name}: ${unknown.get(name)}` }
    return anyTyped.has(index) ? { ...named(network, index), why: `${from} is of type "any"` } : []
  })
}

function named(network: Network, connection: number): { connection: number; name: string } {
  const { from, to } = network.connections[connection]!
  return { connection, name: `${from} -> ${to}` }
}

function componentOf(port: string): string {
  return port.slice(0, port.lastIndexOf('.'))
}

/** The component that a path outside of `connections` is about. */
function ownerOf(network: Network, path: Path): string {
  return path[0] === 'initial' ? componentOf(network.initial![Number(path[1])]!.to) : String(path[1])
}

const codes: Readonly<Record<Finding['what'], ErrorCode>> = {
  kind: 'TYPE_MISMATCH',
  function: 'TYPE_MISMATCH',
  config: 'CONFIG_INVALID',
  connection: 'TYPE_MISMATCH',
  key: 'TYPE_MISMATCH',
  selector: 'TYPE_MISMATCH',
  constant: 'TYPE_MISMATCH',
}

function faultOf(
  network: Network,
  { what, path }: Finding,
  diagnostic: Diagnostic,
  places: Places,
): VertigoError {
  const at = isUnknownField(diagnostic.message) ? 'key' : undefined
  const [message, remedy] = describe(network, what, path, diagnostic)
  const cause = new Error([`${diagnostic.code}: ${diagnostic.message}`, ...diagnostic.details].join('\n'))
  return fault(codes[what], message, places, path, { at, remedy, cause })
}

function isUnknownField(message: string): boolean {
  return message.includes('may only specify known properties')
}

function describe(
  network: Network,
  what: Finding['what'],
  path: Path,
  { message, details }: Diagnostic,
): [message: string, remedy?: string] {
  const connection = path[0] === 'connections' ? network.connections[Number(path[1])]! : undefined
  const { from = '', to = '', selector } = connection ?? {}
  const reason = details[0] ?? message
  switch (what) {
    case 'connection':
      return [`The messages of ${from} do not fit ${to}: ${reason}`]
    case 'key': {
      const spec = selectorSpec(selector)
      const key = spec.type === 'hash' ? spec.key : undefined
      return [
        `The messages of ${from} have no field "${key}" to be routed by.`,
        'Name a field that every message has, or leave `key` out to route by the whole message.',
      ]
    }
    case 'selector':
      return [
        `The selector does not fit the messages of ${from}: ${details.at(-1) ?? message}`,
        'A selector is a function (message, targets) => number.',
      ]
    case 'constant':
      return [
        `The constant does not fit ${network.initial?.[Number(path[1])]?.to}: ${message}`,
        'Change the constant.',
      ]
    case 'config':
      return isUnknownField(message)
        ? [`${pathText(path)} is no field of what the kind declares.`, 'Correct or remove the field.']
        : [
            `${pathText(path)} does not fit what the kind declares: ${details.at(-1) ?? message}`,
            'Change the field.',
          ]
    case 'function':
      return [
        `The function of "${path[1]}" does not fit: ${reason}`,
        'Give it a function that takes a message.',
      ]
    case 'kind':
      return [
        `The kind of "${path[1]}" is none: ${reason.includes("'NoKind'") ? 'what it names is neither a kind nor a function.' : reason}`,
        'Export a kind: what defineComponent, defineSource or defineFunction returns, or a function.',
      ]
  }
}

/** Modules that are not the user's: nothing there is the user's to mend. */
function isForeign(file: string): boolean {
  const own = join(import.meta.dirname, '../..') + sep
  return file.startsWith(own) || file.split(sep).includes('node_modules')
}

function moduleFault({ file, line, column, code, message, details }: Diagnostic): VertigoError {
  const short = relative(process.cwd(), file)
  const name = short.startsWith('..') ? file : short
  return new VertigoError('TYPE_ERROR', `${code}: ${[message, ...details].join(' ')}`, {
    place: { file: name, line, column },
  })
}
