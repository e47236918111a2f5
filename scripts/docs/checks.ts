/** Collects what was checked, in words, and counts it. */
import { closingLine } from '../gate/tally.ts'

export class Checks {
  #passed = 0
  #failed = 0

  /** `where` is `page:line`. */
  pass(): void {
    this.#passed++
  }

  fail(where: string, what: string): void {
    this.#failed++
    console.log(`FAILED ${where} ${what}\n`)
  }

  /** Prints the closing line; the exit code of the program. */
  close(): number {
    console.log(closingLine({ passed: this.#passed, failed: this.#failed, skipped: 0 }))
    return this.#failed === 0 ? 0 : 1
  }
}
