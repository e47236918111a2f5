import { VertigoError } from '../../base/errors.ts'
import { didYouMean } from '../../base/suggest.ts'
import { isRecord } from '../../base/values.ts'
import type { Use } from './errors.ts'
import type { Column } from './table.ts'
import { holdsUnfitCharacters, valueFault, valueText } from './values.ts'

/** A message as the server takes it. */
export interface EncodedRow {
  /** Names of the columns that it has values for, in a fixed order; another row with the same ones has the same text. */
  readonly columns: string
  /** An object of JSON. */
  readonly json: string
}

/**
 * Makes rows of messages, and refuses what the server would refuse later, as far as that shows: there, a handler's error policy
 * can deal with one message. Once a snapshot is committed, all of it has to be written.
 */
export class RowEncoder {
  readonly #columns: ReadonlyMap<string, Column>
  readonly #required: readonly Column[]
  readonly #use: Use
  /** Lists of columns that rows were made with, by the fields that messages had. */
  readonly #lists = new Map<string, string>()

  constructor(columns: readonly Column[], use: Use) {
    this.#columns = new Map(columns.map((column) => [column.name, column]))
    this.#required = columns.filter(({ notNull, hasDefault }) => notNull && !hasDefault)
    this.#use = use
  }

  /** Errors: MESSAGE_UNFIT */
  encode(message: unknown): EncodedRow {
    if (!isRecord(message)) throw this.#unfit('is no record: a row is an object with a field for each column')
    const names: string[] = []
    const texts: string[] = []
    for (const name of Object.keys(message)) {
      const value = message[name]
      // A field without a value is one that is not there: the column gets its default.
      if (value === undefined) continue
      const column = this.#columns.get(name) ?? this.#unknown(name)
      this.#check(column, value)
      names.push(name)
      texts.push(`${JSON.stringify(name)}:${valueText(column, value)}`)
    }
    for (const { name } of this.#required)
      if (message[name] === undefined)
        throw this.#unfit(`lacks a value for the column "${name}", which needs one`)
    const json = `{${texts.join(',')}}`
    if (holdsUnfitCharacters(json))
      throw this.#unfit(
        'holds a text with NUL, or with half a pair of characters, which PostgreSQL cannot keep',
      )
    return { columns: this.#list(names), json }
  }

  #check(column: Column, value: unknown): void {
    if (value === null) {
      if (column.notNull) throw this.#unfit(`has null for the column "${column.name}", which takes none`)
      return
    }
    const fault = valueFault(column, value)
    if (fault !== undefined)
      throw this.#unfit(`does not fit the column "${column.name}" (${column.type}): it ${fault}`)
  }

  #unknown(name: string): never {
    const hint = didYouMean(name, [...this.#columns.keys()])
    throw this.#unfit(`has the field "${name}", which is no column that is written.${hint}`)
  }

  /** The order of fields in a message means nothing. */
  #list(names: readonly string[]): string {
    const given = JSON.stringify(names)
    const known = this.#lists.get(given)
    if (known !== undefined) return known
    const list = JSON.stringify(names.toSorted())
    if (this.#lists.size < 1_000) this.#lists.set(given, list)
    return list
  }

  #unfit(what: string): VertigoError {
    const { component, what: table } = this.#use
    return new VertigoError('MESSAGE_UNFIT', `${component}: a message for ${table} ${what}`, {
      place: { component },
    })
  }
}
