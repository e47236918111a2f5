/** What the demo says: lines that stay, and below them on a terminal some that change. Elsewhere there are only the former. */
export class Screen {
  readonly isLive = process.stdout.isTTY
  private shown: readonly string[] = []

  /** A line that stays. */
  say(text = ''): void {
    this.write([text], this.shown)
  }

  /** On a terminal, the lines at the bottom, in place of those that were there. */
  show(lines: readonly string[]): void {
    if (!this.isLive) return
    const columns = process.stdout.columns || 80
    this.write(
      [],
      lines.map((line) => line.slice(0, columns - 1)),
    )
  }

  /** What changed does not change any more. */
  settle(): void {
    this.shown = []
  }

  private write(lines: readonly string[], below: readonly string[]): void {
    const up = this.shown.length === 0 ? '' : `\x1b[${this.shown.length}A\x1b[J`
    this.shown = below
    process.stdout.write(up + [...lines, ...below].map((line) => `${line}\n`).join(''))
  }
}

export function number(n: number): string {
  return Math.round(n).toLocaleString('en')
}

export function count(n: number, what: string): string {
  return `${number(n)} ${what}${n === 1 ? '' : 's'}`
}

export function listed(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
}
