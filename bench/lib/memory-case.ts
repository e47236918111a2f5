export interface MemoryCase {
  readonly kind: 'small' | 'large'
  readonly count: number
  /** 0: everything in one thread. */
  readonly workers: number
}

export interface MemoryResult {
  readonly growthBytes: number
  readonly samples: number
  /** Milliseconds for a message at the source alone, and at the sink. */
  readonly sourceMs: number
  readonly sinkMs: number
}
