/** A fault in JSON text. */
export interface JsonFault {
  /** Index of the character at fault; the length of the text where it ends too early. */
  readonly offset: number
  readonly message: string
}

const blank = /[ \t\n\r]*/y
const string = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y
const scalar = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.+-])/y
const word = /[^\s,:[\]{}"']+/y

/**
 * The first fault of JSON text, or undefined where there is none. `JSON.parse` decides whether text is JSON; what it
 * says about where the fault is differs between versions of Node and is often missing, so this finds the place and
 * names the usual slips. Not recursive: it takes any depth.
 */
export function findJsonFault(text: string): JsonFault | undefined {
  let at = 0
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at
    const found = pattern.exec(text)?.[0]
    if (found !== undefined) at += found.length
    return found
  }
  /** What is open: for each level its closing bracket and where it was opened. */
  const open: { readonly close: ']' | '}'; readonly offset: number }[] = []
  let expect: 'value' | 'key' | 'after' = 'value'
  let maybeEmpty = false
  for (;;) {
    take(blank)
    const char = text[at]
    const level = open.at(-1)
    if (char === undefined) return expect === 'after' && level === undefined ? undefined : ends(text, level)
    if (expect === 'after') {
      if (level === undefined) return slip(at, `nothing may follow the end of the document, but here is`)
      if (char === level.close) {
        open.pop()
        at++
      } else if (char === ',') {
        at++
        expect = level.close === '}' ? 'key' : 'value'
        maybeEmpty = false
      } else return slip(at, `expected "," or "${level.close}", but here is`)
      continue
    }
    if (maybeEmpty && char === level?.close) {
      open.pop()
      at++
      expect = 'after'
      continue
    }
    if (expect === 'key') {
      if (char === level?.close) return { offset: at, message: 'a comma must not stand before "}"' }
      if (char !== '"') return slip(at, 'expected a name in double quotes, but here is')
      if (take(string) === undefined) return badString(text, at)
      take(blank)
      if (text[at] === undefined) return ends(text, level)
      if (text[at] !== ':') return slip(at, 'expected ":" after the name, but here is')
      at++
      expect = 'value'
      maybeEmpty = false
      continue
    }
    if (char === '{' || char === '[') {
      open.push({ close: char === '{' ? '}' : ']', offset: at })
      expect = char === '{' ? 'key' : 'value'
      maybeEmpty = true
      at++
      continue
    }
    if (char === '"') {
      if (take(string) === undefined) return badString(text, at)
    } else if (char === level?.close && level.close === ']') {
      return { offset: at, message: 'a comma must not stand before "]"' }
    } else if (take(scalar) === undefined) return slip(at, 'expected a value, but here is')
    expect = 'after'
    maybeEmpty = false
  }

  function slip(offset: number, what: string): JsonFault {
    const char = text[offset]!
    if (char === '/' && (text[offset + 1] === '/' || text[offset + 1] === '*'))
      return { offset, message: 'JSON has no comments; remove it, or use YAML' }
    if (char === '#') return { offset, message: 'JSON has no comments; remove it, or use YAML' }
    if (char === "'") return { offset, message: `${what} a single quote; JSON uses double quotes` }
    word.lastIndex = offset
    const found = word.exec(text)?.[0] ?? char
    return { offset, message: `${what} ${JSON.stringify(found.slice(0, 40))}` }
  }
}

function ends(text: string, level: { close: string; offset: number } | undefined): JsonFault {
  if (level === undefined) return { offset: text.length, message: 'the document ends before its value' }
  const line = text.slice(0, level.offset).split('\n').length
  const opened = level.close === '}' ? '{' : '['
  return {
    offset: text.length,
    message: `the document ends before the "${opened}" of line ${line} is closed with "${level.close}"`,
  }
}

function badString(text: string, start: number): JsonFault {
  for (let at = start + 1; at < text.length; at++) {
    const char = text[at]!
    if (char === '\n' || char === '\r')
      return { offset: start, message: 'a string must be closed with a double quote on the same line' }
    if (char < ' ')
      return {
        offset: at,
        message: 'a string must not hold a control character; write it with a backslash (\\t)',
      }
    if (char !== '\\') continue
    if (!/^\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/.test(text.slice(at, at + 6)))
      return {
        offset: at,
        message: `"${text.slice(at, at + 2)}" is no escape of JSON; a backslash is written twice`,
      }
    at++
  }
  return { offset: start, message: 'a string must be closed with a double quote' }
}
