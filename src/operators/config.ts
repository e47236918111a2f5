import * as v from 'valibot'
import { configObject } from '../component/built-in-config.ts'

const functionMessage = 'must be the address of a function, such as "./rules.ts#isError"'

/** The configuration of operators that work by a function of the user's. */
export const functionConfig = configObject({
  /** Address of the function: a path relative to the network's file, or a package; `#name` picks a named export. */
  function: v.pipe(v.string(functionMessage), v.minLength(1, functionMessage)),
})
