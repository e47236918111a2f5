/** Lines of a crash that are kept. */
const dumpLinesMax = 200

const dumpStart =
  /^(<--- Last few GCs --->|<--- JS stacktrace --->|FATAL ERROR: .*(heap|memory|Alloc|v8::|node::|Oilpan|V8)|# Fatal error in |# Fatal JavaScript |terminate called |----- Native stack trace -----)/

/**
 * Tells what components write to standard error from what V8 writes when it ends the process: a dump of hundreds of lines
 * that says nothing to an author.
 */
export class CrashFilter {
  readonly dump: string[] = []
  #isCrash = false

  /** Whether a line is the component's. */
  isText(line: string): boolean {
    if (!this.#isCrash && !dumpStart.test(line)) return true
    this.#isCrash = true
    if (this.dump.length < dumpLinesMax) this.dump.push(line)
    return false
  }
}
