import { dirname, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  type Component,
  type Connection,
  type Json,
  type Network,
  parsePortRef,
  type PortRef,
  selectorSpec,
} from '../../model/network.ts'
import type { Path } from '../../model/places.ts'
import { type BuiltInSource, builtInSource } from './built-ins.ts'
import { type Library, prelude } from './prelude.ts'

/**
 * What an error of the compiler in a line of the check file says about the network.
 *
 * - `untyped`: nothing is known of these components, so nothing is said about their connections.
 * - `any`, `open`: the types of what the connection's output sends are not known, or hardly.
 * - `compared`: types were compared at all: the line has an error on purpose, which the compiler does not get to after
 *   errors of syntax or in its configuration.
 * - `fault`: what stands at `path` does not fit, unless the types of the components in `after` are not known.
 */
export type About =
  | { readonly says: 'untyped'; readonly components: readonly string[]; readonly why: string }
  | { readonly says: 'compared' }
  | { readonly says: 'any'; readonly connection: number }
  | { readonly says: 'open'; readonly connection: number }
  | {
      readonly says: 'fault'
      readonly what: Checked
      readonly path: Path
      readonly after?: readonly string[]
    }

export type Checked = 'kind' | 'function' | 'config' | 'connection' | 'key' | 'selector' | 'constant'

export interface CheckLine {
  readonly text: string
  readonly about?: About
}

export interface CheckFile {
  readonly lines: readonly CheckLine[]
  /** Components that the file cannot name, and why. */
  readonly untyped: ReadonlyMap<string, string>
}

export interface CheckFileOptions {
  /** Path of the network's file, which kinds are relative to. */
  readonly file: string
  /** The folder that the check file will stand in. */
  readonly folder: string
  readonly library: Library
}

/**
 * Writes a network as TypeScript, so that the compiler compares its types: it imports the kinds, and each connection,
 * selector, constant and field of a configuration is a line of its own. Pure.
 */
export function makeCheckFile(network: Network, options: CheckFileOptions): CheckFile {
  return new CheckFileMaker(network, options).make()
}

/** Part of a network that may be flat: parts of subnets are relative to files of their own. */
type Based<T> = T & { readonly base?: string }

class CheckFileMaker {
  readonly #network: Network
  readonly #options: CheckFileOptions
  readonly #names: readonly string[]
  readonly #modules = new Map<string, { readonly name: string; readonly users: Set<string> }>()
  readonly #untyped = new Map<string, string>()
  readonly #body: CheckLine[] = []

  constructor(network: Network, options: CheckFileOptions) {
    this.#network = network
    this.#options = options
    this.#names = Object.keys(network.components)
  }

  make(): CheckFile {
    const waiting: string[] = []
    for (const name of this.#names) {
      const source = builtInSource(this.#component(name).kind)
      if (source?.form === 'of-input' || source?.form === 'pass') waiting.push(name)
      else this.#declare(name, source)
    }
    this.#declareInOrder(waiting)
    for (const name of this.#names) this.#configure(name)
    this.#network.connections.forEach((_, index) => this.#connect(index))
    this.#network.initial?.forEach((_, index) => this.#constant(index))
    const lines: CheckLine[] = [
      ...prelude(this.#options.library).map((text) => ({ text })),
      ...[...this.#modules].map(([specifier, { name, users }]) => ({
        text: `import * as ${name} from ${JSON.stringify(specifier)}`,
        about: untyped([...users], `the compiler finds no types of ${specifier}`),
      })),
      ...this.#body,
      { text: 'export const compared: false = true', about: { says: 'compared' } },
    ]
    return { lines, untyped: this.#untyped }
  }

  /** Kinds whose types follow from what comes in: each after those that send to it. */
  #declareInOrder(names: readonly string[]): void {
    const left = new Set(names)
    while (left.size > 0) {
      const ready = [...left].filter(
        (name) => !this.#sendersTo(name).some(({ component }) => left.has(component)),
      )
      for (const name of ready.length > 0 ? ready : left) {
        const senders = this.#sendersTo(name)
        const open = senders.some(({ component }) => left.has(component) || !this.#isDeclared(component))
        const types = senders.map((from) => `From<typeof ${this.#port(from, 'outputs')}>`)
        const input = open || types.length === 0 ? 'unknown' : types.join(' | ')
        this.#declare(name, builtInSource(this.#component(name).kind), input)
      }
      if (ready.length === 0) return
      for (const name of ready) left.delete(name)
    }
  }

  #declare(name: string, source: BuiltInSource | undefined, input = 'unknown'): void {
    const id = this.#id(name)
    const kind = this.#kind(name, source, input)
    if (kind === undefined) return
    const isFunction = source?.form === 'of-function' || source?.form === 'pass'
    const path = ['components', name, ...(isFunction ? ['config', 'function'] : ['kind'])]
    const after = input === 'unknown' ? [] : this.#sendersTo(name).map(({ component }) => component)
    this.#add(`const k${id} = ${kind}`, fault(isFunction ? 'function' : 'kind', path, after))
    const why = `the type of its kind is "any"`
    this.#add(`const a${id}: IsAny<typeof k${id}> = false`, untyped([name], why))
    if (source?.form === 'pass') this.#add(`const c${id} = k${id}`)
    else this.#add(`const c${id} = component(k${id})`, fault('kind', ['components', name, 'kind'], after))
  }

  /** The expression for a component's kind (for `pass`: for the component); undefined where there is none. */
  #kind(name: string, source: BuiltInSource | undefined, input: string): string | undefined {
    const { kind, config = {}, base } = this.#component(name)
    if (source === undefined) return this.#address(kind, base, name)
    const exported = `${this.#module(this.#options.library[source.from], name)}.${source.name}`
    if (source.form === 'kind') return exported
    if (source.form === 'of-input') return `${exported}<${input}>()`
    const address = config['function']
    const call = typeof address === 'string' ? this.#address(address, base, name) : undefined
    if (call === undefined) {
      this.#untyped.set(name, 'its function is not known')
      return undefined
    }
    return source.form === 'pass' ? `passing<${input}>()(${call})` : `${exported}(${call})`
  }

  /** What an address stands for: a path relative to the network's file, or a package, and the name of an export. */
  #address(address: string, base: string | undefined, component: string): string | undefined {
    const [path, exported] = splitAddress(address)
    const why = address.startsWith('#')
      ? 'it was built in code'
      : /\.(ya?ml|json|fbp)$/i.test(path)
        ? 'it is a network of its own'
        : undefined
    if (why === undefined) return this.#exportOf(path, exported, base, component)
    this.#untyped.set(component, why)
    return undefined
  }

  #exportOf(path: string, exported: string, base: string | undefined, user?: string): string {
    const isRelative = path.startsWith('./') || path.startsWith('../')
    const file = pathOf(base ?? this.#options.file)
    const specifier = isRelative ? this.#fromFolder(resolve(dirname(file), path)) : path
    const module = this.#module(specifier, user)
    return exported === 'default' ? `defaultOf(${module})` : `${module}[${JSON.stringify(exported)}]`
  }

  #configure(name: string): void {
    const source = builtInSource(this.#component(name).kind)
    if (!this.#isDeclared(name) || source?.form === 'of-function' || source?.form === 'pass') return
    const path = ['components', name, 'config']
    this.#json(this.#component(name).config ?? {}, path, 'config', `configure(k${this.#id(name)}, `, ')')
  }

  #connect(index: number): void {
    const connection: Based<Connection> = this.#network.connections[index]!
    const { from, to, selector: given, base } = connection
    const [source, target] = [parsePortRef(from), parsePortRef(to)]
    if (source === undefined || target === undefined || !this.#isDeclared(source.component)) return
    const output = this.#port(source, 'outputs')
    const path = ['connections', index] as const
    const sent = `From<typeof ${output}>`
    this.#add(`const o${index}a: IsAny<${sent}> = false`, { says: 'any', connection: index })
    this.#add(`const o${index}b: IsOpen<${sent}> = false`, { says: 'open', connection: index })
    if (this.#isDeclared(target.component))
      this.#add(`connect(${output}, ${this.#port(target, 'inputs')})`, fault('connection', path))
    const selector = selectorSpec(given)
    if (selector.type === 'hash' && selector.key !== undefined) {
      const hash = `hash(${JSON.stringify(selector.key)})`
      this.#add(`key(${output}, { selector: ${hash} })`, fault('key', [...path, 'selector', 'key']))
    }
    if (selector.type === 'custom' && !selector.kind.startsWith('#')) {
      const choose = this.#exportOf(...splitAddress(selector.kind), base)
      this.#add(`select(${output}, ${choose})`, fault('selector', [...path, 'selector', 'kind']))
    }
  }

  #constant(index: number): void {
    const { to, value } = this.#network.initial![index]!
    const target = parsePortRef(to)
    if (target === undefined || !this.#isDeclared(target.component)) return
    this.#json(
      value,
      ['initial', index, 'value'],
      'constant',
      `constant(${this.#port(target, 'inputs')}, `,
      ')',
    )
  }

  /** A JSON value, each field in a line of its own, so that the compiler's line tells the field. */
  #json(value: Json, path: Path, what: Checked, before: string, after: string): void {
    const about = fault(what, path)
    if (typeof value !== 'object' || value === null) {
      this.#add(`${before}${JSON.stringify(value)}${after}`, about)
      return
    }
    const isList = Array.isArray(value)
    this.#add(`${before}${isList ? '[' : '{'}`, about)
    for (const [key, item] of Object.entries(value) as [string, Json | undefined][]) {
      if (item === undefined) continue
      const name = isList ? '' : `${key === '__proto__' ? '["__proto__"]' : JSON.stringify(key)}: `
      this.#json(item, [...path, isList ? Number(key) : key], what, name, ',')
    }
    this.#add(`${isList ? ']' : '}'}${after}`, about)
  }

  #component(name: string): Based<Component> {
    return this.#network.components[name]!
  }

  #isDeclared(name: string): boolean {
    return Object.hasOwn(this.#network.components, name) && !this.#untyped.has(name)
  }

  #sendersTo(name: string): readonly PortRef[] {
    return this.#network.connections
      .filter(({ to }) => parsePortRef(to)?.component === name)
      .flatMap(({ from }) => parsePortRef(from) ?? [])
  }

  #id(name: string): number {
    return this.#names.indexOf(name)
  }

  #port({ component, port }: PortRef, side: 'inputs' | 'outputs'): string {
    return `c${this.#id(component)}.${side}[${JSON.stringify(port)}]`
  }

  #module(specifier: string, user?: string): string {
    const module = this.#modules.get(specifier) ?? {
      name: `m${this.#modules.size}`,
      users: new Set<string>(),
    }
    this.#modules.set(specifier, module)
    if (user !== undefined) module.users.add(user)
    return module.name
  }

  #fromFolder(path: string): string {
    const found = relative(this.#options.folder, path).split(sep).join('/')
    return found.startsWith('.') ? found : `./${found}`
  }

  #add(text: string, about?: About): void {
    this.#body.push({ text, about })
  }
}

/** A file's path, given as a path or a URL. */
export function pathOf(file: string): string {
  return file.startsWith('file:') ? fileURLToPath(file) : resolve(file)
}

function splitAddress(address: string): [path: string, exported: string] {
  const hash = address.indexOf('#', 1)
  return hash < 0 ? [address, 'default'] : [address.slice(0, hash), address.slice(hash + 1)]
}

function fault(what: Checked, path: Path, after?: readonly string[]): About {
  return { says: 'fault', what, path, after }
}

function untyped(components: readonly string[], why: string): About {
  return { says: 'untyped', components, why }
}
