/** At the least, so long may what comes of a request take before it counts as lost, in milliseconds: whoever asked may have given up before. */
const requestTreeMsMin = 30_000

/** How long the tree of a request may be open, whose answer is waited for so long. Both in milliseconds. */
export function requestTreeMs(timeoutMs: number): number {
  return Math.max(timeoutMs, requestTreeMsMin)
}
