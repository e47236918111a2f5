/**
 * The positions in a module's text that errors name, found without a parser: Node has none to offer, and errors are
 * rare.
 */

/** 1-based; the column counts UTF-16 units. */
export interface TextPosition {
  readonly line: number
  readonly column: number
}

/** A specifier in a module: of an `import`, an `export ... from`, an `import()` or a `require()`. */
export interface ImportSite extends TextPosition {
  readonly specifier: string
}

interface Range {
  readonly kind: 'comment' | 'string'
  readonly start: number
  readonly end: number
}

export function positionAt(text: string, offset: number): TextPosition {
  const before = text.slice(0, offset)
  return { line: before.split('\n').length, column: offset - (before.lastIndexOf('\n') + 1) + 1 }
}

export function lineOf(text: string, line: number): string | undefined {
  return text.split('\n')[line - 1]?.replace(/\r$/, '')
}

/** All imports with a literal specifier. The position is that of the specifier, its quote included. */
export function importsIn(source: string): ImportSite[] {
  const code = codeOnly(source)
  return Array.from(code.matchAll(/\b(?:from|import|require)\s*\(?\s*((['"])[^'"]*\2)/g), (match) => {
    const start = match.index + match[0].length - match[1]!.length
    const specifier = source.slice(start + 1, start + match[1]!.length - 1)
    return { specifier, ...positionAt(source, start) }
  })
}

/** The text with comments and what is in strings replaced by blanks, so that positions stay. */
export function codeOnly(source: string): string {
  return blank(source, rangesIn(source))
}

export function withoutComments(source: string): string {
  return blank(
    source,
    rangesIn(source).filter((range) => range.kind === 'comment'),
  )
}

function blank(source: string, ranges: readonly Range[]): string {
  let text = ''
  let from = 0
  for (const { start, end } of ranges) {
    text += source.slice(from, start) + source.slice(start, end).replace(/[^\r\n]/g, ' ')
    from = end
  }
  return text + source.slice(from)
}

/** Comments, and the insides of strings, templates and regular expressions. */
function rangesIn(source: string): Range[] {
  const ranges: Range[] = []
  /** For each template that is open around here, how many braces are open in its `${`. */
  const braces: number[] = []
  let at = 0
  const string = (end: number): void => {
    ranges.push({ kind: 'string', start: at + 1, end })
    at = end + 1
  }
  const template = (): void => {
    const end = templateEnd(source, at + 1)
    if (source[end] === '$') braces.push(0)
    ranges.push({ kind: 'string', start: at + 1, end })
    at = end + (source[end] === '$' ? 2 : 1)
  }
  while (at < source.length) {
    const char = source[at]!
    if (char === '/' && (source[at + 1] === '/' || source[at + 1] === '*')) {
      const isLine = source[at + 1] === '/'
      const close = source.indexOf(isLine ? '\n' : '*/', at + 2)
      const end = close === -1 ? source.length : close + (isLine ? 0 : 2)
      ranges.push({ kind: 'comment', start: at, end })
      at = end
    } else if (char === '"' || char === "'") string(literalEnd(source, at + 1, char))
    else if (char === '/' && isRegExpAt(source, at)) string(literalEnd(source, at + 1, '/'))
    else if (char === '`') template()
    else if (char === '}' && braces.at(-1) === 0) {
      braces.pop()
      template()
    } else {
      if (braces.length > 0 && char === '{') braces[braces.length - 1]!++
      if (braces.length > 0 && char === '}') braces[braces.length - 1]!--
      at++
    }
  }
  return ranges
}

/** Where a literal ends: its closing character, or the end of the line where there is none. */
function literalEnd(source: string, from: number, close: string): number {
  let inClass = false
  for (let at = from; at < source.length; at++) {
    const char = source[at]
    if (char === '\n') return at
    if (char === '\\') at++
    else if (close === '/' && char === '[') inClass = true
    else if (close === '/' && char === ']') inClass = false
    else if (char === close && !inClass) return at
  }
  return source.length
}

/** The closing backtick, or the `$` of the next `${`. */
function templateEnd(source: string, from: number): number {
  for (let at = from; at < source.length; at++) {
    const char = source[at]
    if (char === '\\') at++
    else if (char === '`' || (char === '$' && source[at + 1] === '{')) return at
  }
  return source.length
}

/** Whether a slash begins a regular expression: by what stands before it, which is right except in odd code. */
function isRegExpAt(source: string, at: number): boolean {
  const before = source.slice(Math.max(0, at - 20), at).trimEnd()
  return (
    before === '' || /[(,=:[!&|?{};+*%~^]$/.test(before) || /\b(?:return|typeof|case|in|of)$/.test(before)
  )
}

/** Where a module has its first closing tag of JSX, which stands in no other code. */
export function jsxIn(source: string): TextPosition | undefined {
  const found = /<\/[A-Za-z][\w.:-]*\s*>|<[A-Za-z][\w.:-]*(?:\s[^<>]*)?\/>|<\/>/.exec(codeOnly(source))
  return found === null ? undefined : positionAt(source, found.index)
}
