import type { Override } from '../run/types.ts'
import { usage } from './arguments.ts'

/** `lines.config.path=input.txt`. Component names hold no dots. */
export function override(text: string): Override {
  const equals = text.indexOf('=')
  const path = text.slice(0, Math.max(0, equals)).split('.')
  if (equals <= 0 || path.length < 2 || path.includes(''))
    throw usage(`--set takes component.config.field=value, not "${text}".`)
  return { path, value: valueOf(text.slice(equals + 1)) }
}

/** JSON, or text where it is none. */
export function valueOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}
