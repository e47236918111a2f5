import { VertigoError } from '../../base/errors.ts'

export function positionLost(component: string, what: string, cause?: unknown): VertigoError {
  return new VertigoError('SOURCE_POSITION_LOST', `${component}: ${what}.`, { cause, place: { component } })
}
