/**
 * The network as data. JSON, YAML, `.fbp` text and the TypeScript builder all give this model; it holds plain JSON
 * values only, so it can be stored, compared and sent.
 */

/** A JSON value. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

/** What happens to messages when something fails, in a cluster. Default `exactly-once`; a run of one process keeps nothing past its end. */
export type Guarantee = 'exactly-once' | 'at-least-once' | 'at-most-once'

/** Of `snapshot.readersMs`: longer than a reader may take nothing before it is ended, and shorter than people wait for an end. */
export const readersMsDefault = 10_000

export interface Network {
  readonly name: string
  /** One sentence for readers. */
  readonly description?: string
  readonly guarantee?: Guarantee
  /** How its state is saved. */
  readonly snapshot?: {
    /** Milliseconds from one snapshot to the next. Default 1000. */
    readonly intervalMs?: number
    /** Milliseconds after which one that is not whole is given up. Default 600000. */
    readonly timeoutMs?: number
    /**
     * Milliseconds after which an instance no longer waits for its inputs to come to a snapshot: what is still on its way to it becomes part
     * of the snapshot. Never more than half of `timeoutMs`. Default 1000.
     */
    readonly alignMsMax?: number
    /** Snapshots without a name that are kept. Default 3. */
    readonly keep?: number
    /**
     * Bytes of state of one instance that are kept in the manifest of a snapshot, in place of files of their own; of all instances together
     * at most 524288. 0: none. Default 16384.
     */
    readonly inlineBytesMax?: number
    /**
     * Milliseconds that the end of the network, finished or undeployed, waits at most for readers of exported outputs who have not taken
     * what is committed. Default 10000.
     */
    readonly readersMs?: number
    /** Where they are kept: `file:///folder`, or `s3://bucket/prefix`. Default: as the cluster was told. */
    readonly storage?: string
  }
  /** Where keyed state of its components is kept while it runs. */
  readonly state?: {
    /** `memory`, or `lmdb`: on the disk, for what is larger than memory. Default `memory`. */
    readonly backend?: 'memory' | 'lmdb'
    /** Of `lmdb`: bytes of rows that one instance keeps in memory. Default 67108864. */
    readonly cacheBytesMax?: number
  }
  /** Where what cannot be read again is kept: journals of sources that do not rewind, in networks that lose nothing. */
  readonly journal?: {
    /** A folder that all nodes share. Default: one of each node's own, to which the copy is bound that writes there. */
    readonly folder?: string
    /** Of each copy. Default 16 GiB. */
    readonly bytesMax?: number
  }
  readonly components: { readonly [name: string]: Component }
  readonly connections: readonly Connection[]
  /** Constants that are sent once, before any source starts. */
  readonly initial?: readonly InitialPacket[]
  /** Ports of components under names of the network's own: the network's ports where it is used as a component. */
  readonly exports?: {
    /** name -> `component.port` */
    readonly inputs?: { readonly [name: string]: string }
    readonly outputs?: { readonly [name: string]: string }
  }
  /** File that rejected messages go to where a component has no connected `error` port; JSON lines. Default `<name>.dead-letter.jsonl`. */
  readonly deadLetter?: string
}

export interface Component {
  /** A built-in name, a path that begins with `./` or `../` (relative to the network's file), or a package export; `#name` picks a named export. The path of a network's file makes a subnet. */
  readonly kind: string
  readonly config?: { readonly [field: string]: Json }
  /** Number of copies that share the work. Default 1. */
  readonly instances?: number
  /** Label of the nodes to run on (clusters). */
  readonly group?: string
  /** On which nodes its copies may run, beside those of the group (clusters). */
  readonly placement?: PlacementRules
  /** Messages that one instance handles at the same time; more than 1 makes sense for asynchronous handlers only. Default: what the kind declares, else 1. */
  readonly concurrency?: number
  /** Whether results of concurrent handling come out in the order of the inputs, or as they are completed. Default `input`. */
  readonly order?: 'input' | 'completion'
  readonly errors?: ErrorPolicy
  /** `false`: a source that does not rewind has no journal; what it has given may be lost. Default: it has one where nothing is to be lost. */
  readonly journal?: boolean
  /** Modules of hooks, addressed like kinds. */
  readonly hooks?: readonly string[]
}

/** Where copies of a component may run. A copy for which no node fits waits until there is one. */
export type PlacementRules = {
  /** Labels that a node must have, with these values. */
  readonly labels?: { readonly [label: string]: string }
  /** `node`: no two copies on one node, so that the loss of a node takes one at the most. Default: they may share one. */
  readonly spread?: 'node'
  /** Components of which no copy may be on the same node. It holds both ways: saying it of one of them is enough. */
  readonly apart?: readonly string[]
  /** `shared`: the files that its kind reads or writes are the same on all machines. Default: what the kind declares. */
  readonly files?: 'shared'
}

/**
 * What happens when a handler fails: `fail` ends the run (default), `reject` sends the message with its error to the
 * component's `error` port or the dead-letter file, `retry` tries again first.
 */
export type ErrorPolicy =
  | 'fail'
  | 'reject'
  | {
      readonly retry: {
        /** Attempts after the first. Default 3. */
        readonly times?: number
        /** Wait before the first retry, doubled for each further one. Default 100. */
        readonly delayMs?: number
        /** Upper bound of the wait. Default 10,000. */
        readonly delayMsMax?: number
      }
      /** What happens when the last attempt failed. Default `fail`. */
      readonly then?: 'fail' | 'reject'
    }

export interface Connection {
  /** `component.port` of an output. */
  readonly from: string
  /** `component.port` of an input. */
  readonly to: string
  /** How the target's instance is chosen. Default `round-robin`. */
  readonly selector?: Selector
  /** Declares the edge that closes a cycle. */
  readonly back?: boolean
  /** Observers of the messages of this connection: modules addressed like kinds. */
  readonly hooks?: { readonly send?: readonly string[]; readonly receive?: readonly string[] }
}

export type Selector =
  | 'round-robin'
  | 'random'
  | 'hash'
  | 'fair'
  | 'all'
  | { readonly type: 'round-robin' | 'random' | 'fair' | 'all' }
  | {
      readonly type: 'hash'
      /** Path of the key in the message, such as `user.id`. Default: the whole message. */
      readonly key?: string
    }
  | {
      readonly type: 'custom'
      /** Module whose default export chooses: addressed like a kind. */
      readonly kind: string
    }

export interface InitialPacket {
  /** `component.port` of an input. */
  readonly to: string
  readonly value: Json
}

/** A port of a component in a network. */
export interface PortRef {
  readonly component: string
  readonly port: string
}

/** Splits `component.port` at the last dot; undefined where it has not that form. */
export function parsePortRef(text: string): PortRef | undefined {
  const dot = text.lastIndexOf('.')
  if (dot <= 0 || dot === text.length - 1) return undefined
  return { component: text.slice(0, dot), port: text.slice(dot + 1) }
}

/** The port of this very name, else the only one whose name differs by case alone. */
export function portOfAnyCase(name: string, ports: readonly string[]): string | undefined {
  if (ports.includes(name)) return name
  const near = ports.filter((port) => port.toLowerCase() === name.toLowerCase())
  return near.length === 1 ? near[0] : undefined
}

/** A selector in its long form. */
export type SelectorSpec = Exclude<Selector, string>

export function selectorSpec(selector: Selector | undefined): SelectorSpec {
  if (selector === undefined) return { type: 'round-robin' }
  return typeof selector === 'string' ? { type: selector } : selector
}
