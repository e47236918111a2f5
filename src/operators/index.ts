/** Ready-made kinds, built on the author's interface alone. */
import { answerKind } from './answer.ts'
import { counterKind } from './counter.ts'
import { filterKind, flatMapKind, mapKind, tapKind } from './functions.ts'
import { splitWords } from './split-words.ts'
import { takeKind } from './take.ts'
import { throttleKind } from './throttle.ts'

export { answerKind as answer } from './answer.ts'
export { filter, flatMap, map, tap } from './functions.ts'
export type { Operator, OperatorOptions } from './functions.ts'
export { counter } from './counter.ts'
export type { Counted } from './counter.ts'
export { splitWords } from './split-words.ts'
export { take } from './take.ts'
export { throttle } from './throttle.ts'

/** The kinds that networks in files call by these names. */
export const operatorKinds = {
  answer: answerKind,
  counter: counterKind,
  filter: filterKind,
  'flat-map': flatMapKind,
  map: mapKind,
  'split-words': splitWords,
  take: takeKind,
  tap: tapKind,
  throttle: throttleKind,
} as const
