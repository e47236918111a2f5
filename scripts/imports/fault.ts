/** Something the check found: where, and a sentence that says what to do. */
export interface Fault {
  readonly path: string
  readonly line?: number
  readonly message: string
}

export function showFault({ path, line, message }: Fault): string {
  return `${path}${line === undefined ? '' : `:${line}`} ${message}`
}
