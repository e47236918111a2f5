/** What the state of a key was when a snapshot was taken. JSON. */
export interface StateReading {
  readonly network: string
  readonly component: string
  /** As JSON. */
  readonly key: unknown
  /** By name; maps are lists of pairs. */
  readonly states: { readonly [name: string]: unknown }
  /** When each changed last, in milliseconds since 1970; where one has a time to live. */
  readonly changedMs?: { readonly [name: string]: number }
  /** Whose key it is. */
  readonly instance: number
  readonly stateVersion: number
  readonly snapshot: {
    readonly id: number
    readonly incarnation: number
    readonly version: number
    readonly committedAtMs: number
    /** When it was read. */
    readonly ageMs: number
  }
}

export interface StateQuery {
  readonly component: string
  /** As JSON. */
  readonly key: unknown
  /** By name or number. Default: the last one that was committed. */
  readonly snapshot?: string
}

/** State of networks, as their snapshots have it. */
export interface StateAccess {
  /**
   * Errors: NETWORK_UNKNOWN, COMPONENT_UNKNOWN, SNAPSHOT_UNKNOWN, STATE_NOT_KEYED, STATE_KEY_UNKNOWN, and those of the storage and of
   * damaged files.
   */
  get(network: string, query: StateQuery, options?: { readonly signal?: AbortSignal }): Promise<StateReading>
}
