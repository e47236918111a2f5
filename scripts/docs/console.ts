/** A command of a `console` block, with the lines below it. */
export interface ConsolePart {
  readonly command: string
  readonly expected: string
}

export function expectedParts(text: string): ConsolePart[] {
  const parts: { command: string; expected: string[] }[] = []
  let continued = false
  for (const line of text.split('\n')) {
    const last = parts.at(-1)
    if (line.startsWith('$ ')) parts.push({ command: line.slice(2), expected: [] })
    else if (continued && last !== undefined) last.command += `\n${line}`
    else last?.expected.push(line)
    continued = line.endsWith('\\') && (line.startsWith('$ ') || continued)
  }
  return parts.map(({ command, expected }) => ({ command, expected: expected.join('\n') }))
}

/** Whether a program printed what a page shows. A line `...` stands for any lines, `...` within one for any text. */
export function matches(output: string, expected: string): boolean {
  const pattern = expected
    .trim()
    .split(/^\.\.\.$\n?/m)
    .map((part) => part.split('...').map(escape).join('[^\\n]*'))
    .join('(?:[^\\n]*\\n?)*?')
  return new RegExp(`^${pattern}$`).test(output.replaceAll(/[ \t]+$/gm, '').trim())
}

function escape(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\/-]/g, String.raw`\$&`)
}
