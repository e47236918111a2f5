import { Buffer } from 'node:buffer'
import { VertigoError } from '../base/errors.ts'
import { keyBytesMax, transactionBytesMax, transactionOperationsMax, valueBytesMax } from './limits.ts'
import type { Operation, Transaction } from './store.ts'

/** What no backend takes is refused before it reaches one, the same for all. */

export function checkKey(key: string): void {
  if (typeof key !== 'string' || key === '')
    throw invalidKey(key, 'is not a text with at least one character')
  checkPrefix(key)
}

export function checkPrefix(prefix: string): void {
  if (typeof prefix !== 'string') throw invalidKey(prefix, 'is not a text')
  if (!prefix.isWellFormed())
    throw invalidKey(prefix, 'holds half of a surrogate pair, which UTF-8 cannot say')
  if (prefix.length > keyBytesMax || Buffer.byteLength(prefix) > keyBytesMax)
    throw invalidKey(prefix, `is longer than ${keyBytesMax} bytes`)
}

function invalidKey(key: unknown, why: string): VertigoError {
  const shown = JSON.stringify(key) ?? typeof key
  return new VertigoError('STORE_KEY_INVALID', `The key ${shown.slice(0, 80)} ${why}.`)
}

export function checkTransaction({ compare = [], then = [], otherwise = [] }: Transaction): void {
  checkCount('compare', compare)
  checkCount('then', then)
  checkCount('otherwise', otherwise)
  let bytes = 0
  for (const { key, than } of compare) {
    checkKey(key)
    if (typeof than !== 'number') bytes += checkedValueBytes(key, than)
    else if (!Number.isSafeInteger(than))
      throw invalid(`${key} is compared with ${than}, which is no whole number`)
  }
  bytes += checkBranch(then) + checkBranch(otherwise)
  if (bytes > transactionBytesMax)
    throw invalid(`its values have ${bytes} bytes together, more than ${transactionBytesMax}`)
}

function checkCount(name: string, { length }: readonly unknown[]): void {
  if (length > transactionOperationsMax)
    throw invalid(`\`${name}\` has ${length} entries, more than ${transactionOperationsMax}`)
}

/** Gives the bytes of its keys and values. */
function checkBranch(operations: readonly Operation[]): number {
  if (operations.length === 0) return 0
  let bytes = 0
  const written = new Set<string>()
  const ranges: string[] = []
  for (const operation of operations) {
    if (operation.type === 'range' || operation.type === 'delete-range') {
      checkPrefix(operation.prefix)
      if (operation.type === 'delete-range') ranges.push(operation.prefix)
      continue
    }
    const { key } = operation
    checkKey(key)
    bytes += key.length
    if (operation.type === 'get') continue
    if (operation.type === 'put') bytes += checkedValueBytes(key, operation.value)
    if (written.has(key)) throw invalid(`it writes to "${key}" twice`)
    written.add(key)
  }
  for (const [index, prefix] of ranges.entries()) {
    const twice = [...written].find((key) => key.startsWith(prefix))
    if (twice !== undefined)
      throw invalid(`it writes to "${twice}" and deletes all that begins with "${prefix}"`)
    const other = ranges.find((range, at) => at !== index && range.startsWith(prefix))
    if (other !== undefined) throw invalid(`it deletes what begins with "${other}" twice`)
  }
  return bytes
}

function checkedValueBytes(key: string, value: Uint8Array): number {
  if (!(value instanceof Uint8Array)) throw invalid(`the value of "${key}" is not a Uint8Array`)
  checkValueSize(`The value of "${key}"`, value)
  return value.byteLength
}

/** For those who put values of several callers into one transaction: the others must not fail for one. */
export function checkValueSize(what: string, { byteLength }: Uint8Array): void {
  if (byteLength > valueBytesMax)
    throw new VertigoError(
      'STORE_VALUE_TOO_LARGE',
      `${what} has ${byteLength} bytes, more than ${valueBytesMax}.`,
    )
}

function invalid(why: string): VertigoError {
  return new VertigoError('STORE_TRANSACTION_INVALID', `The transaction cannot be done: ${why}.`)
}
