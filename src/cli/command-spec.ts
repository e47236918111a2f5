/** An option of a command. */
export interface OptionSpec {
  /** What stands for its value in the help, such as `<n>`. Default: it takes none. */
  readonly value?: string
  /** One letter: `f` for `-f`. */
  readonly short?: string
  /** May be given several times. Default false. */
  readonly multiple?: boolean
  /** For the help. */
  readonly about: string
}

/** What a command takes, as data: the parser and the help are made of it. */
export interface CommandSpec {
  readonly name: string
  /** Positional arguments in the help, such as `<network>`; a bracket marks an optional one. */
  readonly arguments: readonly string[]
  /** Paragraphs that say what it does. */
  readonly about: readonly string[]
  readonly options: Readonly<Record<string, OptionSpec>>
  /** Commands to show, each with what it does. */
  readonly examples?: readonly (readonly [command: string, about: string])[]
}
