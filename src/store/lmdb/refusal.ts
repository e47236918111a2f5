/** Whether the disk has refused a commit of a database: from then on all who have it open in this thread are told so (BW-5). */
export class Refusal {
  private error: Error | undefined

  /** The first one counts. */
  note(error: Error | undefined): void {
    this.error ??= error
  }

  /** Errors: STORE_PLACE_UNFIT. */
  check(): void {
    if (this.error !== undefined) throw this.error
  }
}
