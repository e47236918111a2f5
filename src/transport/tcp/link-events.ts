import type { VertigoError } from '../../base/errors.ts'

/** What becomes of a link. Times are those of `Clock.now`, in milliseconds since 1970. */
export type LinkEvent =
  /** A line is up: the first, or one after `unreachable`. Lines that are mended sooner are not told. */
  | { readonly type: 'reachable'; readonly atMs: number }
  /** Nothing was heard for `linkLossMs`. The link goes on trying. `error`: what the last attempt came to. */
  | {
      readonly type: 'unreachable'
      readonly atMs: number
      readonly silentSinceMs: number
      readonly error: VertigoError
    }
  /** The other end refuses, or is not who was meant. The link goes on trying, slowly. Told once for each code in a row. */
  | { readonly type: 'refused'; readonly atMs: number; readonly error: VertigoError }
  /** The other end has lost its memory: this link is of no use any more (TL-3). */
  | { readonly type: 'lost'; readonly atMs: number; readonly error: VertigoError }
