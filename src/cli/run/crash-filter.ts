/** Lines of a crash that are kept. */
const dumpLinesMax = 1000

/** Signs of life after which it was no crash: V8 ends the process right after its first lines. */
const signsMax = 5

const dumpStart =
  /^(<--- Last few GCs --->|<--- JS stacktrace --->|FATAL ERROR: .*(heap|memory|Alloc|v8::|node::|Oilpan|V8)|# Fatal error in |# Fatal JavaScript |terminate called |----- Native stack trace -----)/

/**
 * Tells what components write to standard error from what V8 writes when it ends the process: a dump of hundreds of lines
 * that says nothing to an author. A component may write the same words; so where the process lives on, what was held back
 * is given back.
 */
export class CrashFilter {
  #dump: string[] = []
  #left = 0
  #isCrash = false
  #signs = 0

  /** What has been held back. */
  get dump(): readonly string[] {
    return this.#dump
  }

  /** Whether a line is the component's. */
  isText(line: string): boolean {
    if (!this.#isCrash && !dumpStart.test(line)) return true
    if (!this.#isCrash) this.#signs = 0
    this.#isCrash = true
    if (this.#dump.length < dumpLinesMax) this.#dump.push(line)
    else this.#left++
    return false
  }

  /** The process has given a sign of life. Gives the lines that were held back, once they turn out to be text. */
  sign(): readonly string[] {
    if (!this.#isCrash || ++this.#signs < signsMax) return []
    return this.release()
  }

  /** The process has ended in peace, or lives on: what was held back is text. */
  release(): readonly string[] {
    const lines = this.#left === 0 ? this.#dump : [...this.#dump, `(${this.#left} more lines were left out)`]
    this.#dump = []
    this.#left = 0
    this.#isCrash = false
    return lines
  }
}
