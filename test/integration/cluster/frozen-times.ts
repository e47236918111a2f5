/** What a frozen node and its test agree on. */
export const ttlMs = 800
export const pausedMs = 3 * ttlMs
/** What counts as a pause. */
export const pauseMsMin = 2 * ttlMs
/** How long the main thread does nothing after it. */
export const blockedMs = 700

export type FrozenReport = 'joined' | 'fenced' | 'armed' | 'woke' | 'other'
