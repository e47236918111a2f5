import { VertigoError } from '../base/errors.ts'

export interface ServerEvent {
  readonly id: string
  readonly type: string
  readonly data: string
}

/** Characters of one event; more is no event of ours. */
export const eventCharactersMax = 64 * 1024 * 1024

/**
 * Reads server-sent events out of text that arrives in pieces of any size (WHATWG HTML, "Parsing an event stream"). The
 * same text gives the same events however it is cut. Errors: API_ANSWER_INVALID for an event without end.
 */
export class EventParser {
  private rest = ''
  private fields: { id: string; type: string; data: string[]; size: number } = emptyFields('')
  private lastWasReturn = false

  push(text: string): readonly ServerEvent[] {
    if (text === '') return []
    // A line may end in CR, LF or both, and a piece between the two.
    const piece = this.lastWasReturn && text.startsWith('\n') ? text.slice(1) : text
    this.lastWasReturn = text.endsWith('\r')
    if (!/[\r\n]/.test(piece)) {
      // Not looked through again with each piece of a long line.
      this.rest += piece
      this.check(this.fields.size + this.rest.length)
      return []
    }
    const lines = (this.rest + piece).split(/\r\n|\r|\n/)
    this.rest = lines.pop()!
    return lines.map((line) => this.line(line)).filter((event) => event !== undefined)
  }

  private line(line: string): ServerEvent | undefined {
    const { fields } = this
    if (line === '') {
      const { id, type, data } = fields
      this.fields = emptyFields(id)
      return data.length === 0 ? undefined : { id, type, data: data.join('\n') }
    }
    const [, name = line, value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? []
    fields.size += line.length
    this.check(fields.size)
    if (name === 'data') fields.data.push(value)
    else if (name === 'event') fields.type = value
    else if (name === 'id' && !value.includes('\u0000')) fields.id = value
    return undefined
  }

  private check(characters: number): void {
    if (characters > eventCharactersMax)
      throw new VertigoError('API_ANSWER_INVALID', 'An event of the HTTP API has no end.')
  }
}

/** An id holds for the events after it. */
function emptyFields(id: string): { id: string; type: string; data: string[]; size: number } {
  return { id, type: 'message', data: [], size: 0 }
}
