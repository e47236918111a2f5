import { jsonText } from '../json-text.ts'
import type { Column } from './table.ts'

/** Why a value cannot be one of a column, or undefined where it can, as far as that shows before the server has it. */
export type ValueFault = string | undefined

type Check = (value: unknown) => ValueFault

const int = (bits: 16 | 32 | 64): Check => {
  const least = -(2n ** BigInt(bits - 1))
  const most = 2n ** BigInt(bits - 1) - 1n
  const fault = `must be a whole number of ${bits} bits`
  return (value) => {
    const number = typeof value === 'string' && /^\s*[-+]?\d{1,30}\s*$/.test(value) ? BigInt(value) : value
    if (typeof number === 'bigint') return number >= least && number <= most ? undefined : fault
    if (typeof number !== 'number' || !Number.isInteger(number)) return fault
    return BigInt(number) >= least && BigInt(number) <= most ? undefined : fault
  }
}

const numberText = /^\s*[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?\s*$|^\s*(nan|[-+]?inf(inity)?)\s*$/i
const number: Check = (value) =>
  typeof value === 'number' ||
  typeof value === 'bigint' ||
  (typeof value === 'string' && numberText.test(value))
    ? undefined
    : 'must be a number'

const truth: Check = (value) => (typeof value === 'boolean' ? undefined : 'must be true or false')

const text: Check = (value) =>
  typeof value === 'string' ||
  typeof value === 'number' ||
  typeof value === 'bigint' ||
  typeof value === 'boolean'
    ? undefined
    : 'must be a text'

const bytes: Check = (value) => (value instanceof Uint8Array ? undefined : 'must be bytes (a Uint8Array)')

const time = (form: RegExp, example: string): Check => {
  const fault = `must be a Date, or a text such as "${example}"`
  return (value) => {
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'is a Date without a time' : undefined
    return typeof value === 'string' && form.test(value) ? undefined : fault
  }
}

const uuidForm = /^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$/i
const uuid: Check = (value) =>
  typeof value === 'string' && uuidForm.test(value) ? undefined : 'must be a UUID in a text'

const clockText = String.raw`\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?`
const zoneText = String.raw`\s?(z|utc|[-+]\d{1,2}(:?\d{2})?)`
const dateText = String.raw`\d{4,6}-\d{2}-\d{2}`

const checks: Readonly<Record<string, Check>> = {
  int2: int(16),
  int4: int(32),
  int8: int(64),
  float4: number,
  float8: number,
  numeric: number,
  bool: truth,
  text,
  varchar: text,
  bpchar: text,
  bytea: bytes,
  uuid,
  date: time(new RegExp(`^(${dateText}([t ].*)?|-?infinity)$`, 'i'), '2026-01-31'),
  timestamp: time(
    new RegExp(`^(${dateText}([t ]${clockText}(${zoneText})?)?|-?infinity)$`, 'i'),
    '2026-01-31 12:00',
  ),
  timestamptz: time(
    new RegExp(`^(${dateText}([t ]${clockText}(${zoneText})?)?|-?infinity)$`, 'i'),
    '2026-01-31T12:00:00Z',
  ),
  time: (value) =>
    typeof value === 'string' && new RegExp(`^${clockText}$`).test(value)
      ? undefined
      : 'must be a text such as "12:00:00"',
  json: () => undefined,
  jsonb: () => undefined,
}

/** Looks at a value that is neither null nor undefined. Types that are not known here are left to the server. */
export function valueFault(column: Column, value: unknown): ValueFault {
  const { base, labels } = column
  if (labels !== undefined && labels !== null)
    return typeof value === 'string' && labels.includes(value)
      ? undefined
      : `must be one of: ${labels.join(', ')}`
  if (base.startsWith('_') && !Object.hasOwn(checks, base)) {
    if (!Array.isArray(value)) return 'must be a list'
    return itemsFault(checks[base.slice(1)] ?? (() => undefined), value)
  }
  return Object.hasOwn(checks, base) ? checks[base]!(value) : undefined
}

function itemsFault(check: Check, items: readonly unknown[]): ValueFault {
  for (const item of items) {
    if (item === null || item === undefined) continue
    const fault = Array.isArray(item) ? itemsFault(check, item) : check(item)
    if (fault !== undefined) return `holds an item that ${fault}`
  }
  return undefined
}

/** A value as JSON, in the form from which the server makes one of the column's type. */
export function valueText(column: Column, value: unknown): string {
  if (value === null || value === undefined) return 'null'
  if (typeof value === 'number' && !Number.isFinite(value)) return `"${value}"`
  if (value instanceof Uint8Array) return bytesText(value)
  if (Array.isArray(value) && column.base.startsWith('_')) return `[${value.map(itemText).join(',')}]`
  return jsonText(value)
}

function itemText(item: unknown): string {
  if (Array.isArray(item)) return `[${item.map(itemText).join(',')}]`
  if (item === null || item === undefined) return 'null'
  if (typeof item === 'number' && !Number.isFinite(item)) return `"${item}"`
  return item instanceof Uint8Array ? bytesText(item) : jsonText(item)
}

function bytesText(bytes: Uint8Array): string {
  const { buffer, byteOffset, byteLength } = bytes
  return `"\\\\x${Buffer.from(buffer, byteOffset, byteLength).toString('hex')}"`
}

/** Characters that JSON can write and PostgreSQL cannot keep: NUL, and halves of pairs. */
const unfitEscape = /(?:^|[^\\])(?:\\\\)*\\u(0000|d[89a-f][0-9a-f]{2})/i

export function holdsUnfitCharacters(json: string): boolean {
  return json.includes('\\u') && unfitEscape.test(json)
}
