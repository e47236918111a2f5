/**
 * Every error code, in one place. `docs/reference/errors.md` is generated from this table.
 *
 * Exit codes of the command line: 0 success, 1 the network failed while it ran, 2 wrong use of the command,
 * 3 the network or one of its components cannot be loaded or is not valid, 4 a file or stream could not be
 * read or written, 70 a fault of Vertigo itself, 130 ended by Ctrl-C.
 */
export interface ErrorCodeInfo {
  /** One line: what it means. */
  readonly title: string
  /** What to do about it. */
  readonly remedy: string
  readonly exit: 1 | 2 | 3 | 4 | 70 | 130
  /** Whether trying the same again may succeed. Default false. */
  readonly retryable?: boolean
}

function codes<const T extends Record<string, ErrorCodeInfo>>(
  table: T,
): { readonly [K in keyof T]: ErrorCodeInfo } {
  return table
}

export const errorCodes = codes({
  // Networks as data
  NETWORK_NOT_FOUND: {
    title: 'The file of the network does not exist or cannot be read.',
    remedy: 'Check the path; `vertigo new <folder>` makes a project with a network in it.',
    exit: 3,
  },
  NETWORK_SYNTAX: {
    title: 'The file of the network cannot be parsed.',
    remedy: 'Mend the file at the line and column given.',
    exit: 3,
  },
  NETWORK_INVALID: {
    title: 'The network has faults.',
    remedy: 'Mend every fault listed; each says where it is and what to do.',
    exit: 3,
  },
  // Kinds
  KIND_UNKNOWN: {
    title: 'No kind of this name exists.',
    remedy:
      'Use a built-in kind (`vertigo kinds` lists them), a path that begins with `./`, or a package export.',
    exit: 3,
  },
  KIND_LOAD_FAILED: {
    title: 'The module of a kind failed while it was loaded.',
    remedy: 'Mend the module at the place given in the stack.',
    exit: 3,
  },
  CONFIG_INVALID: {
    title: 'The configuration of a component is not what its kind declares.',
    remedy: 'Change the field named in the message.',
    exit: 3,
  },
  // Running
  COMPONENT_FAILED: {
    title: 'A handler of a component failed.',
    remedy: 'Mend the component, or give it an error policy (`errors: retry` or `errors: reject`).',
    exit: 1,
  },
  GUARANTEE_UNSUPPORTED: {
    title: 'The network asks for a delivery guarantee that cannot be kept here.',
    remedy: 'Set `guarantee: at-most-once`, which is what a single run without snapshots keeps.',
    exit: 3,
  },
  // The command line
  USAGE: { title: 'The command was used wrongly.', remedy: 'See `vertigo --help`.', exit: 2 },
  INTERNAL: {
    title: 'A fault of Vertigo itself.',
    remedy: 'Please report it with the text of the error.',
    exit: 70,
  },
})

export type ErrorCode = keyof typeof errorCodes
