import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import * as v from 'valibot'
import { defineSource, port } from 'vertigo-flow'
import { generateLog } from './generate.ts'

/** The lines of the log at `path`; without one, of a log that is made up. */
export default defineSource({
  description: 'Lines of an access log, from a file or generated.',
  outputs: { line: port<string>() },
  config: v.strictObject({
    path: v.optional(v.string()),
    /** Of the generated log. */
    lines: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0)), 20_000),
    seed: v.optional(v.pipe(v.number(), v.integer()), 1),
  }),
  read({ config, signal }) {
    if (config.path === undefined) return generateLog(config)
    return createInterface({ input: createReadStream(config.path, { signal }), crlfDelay: Infinity })
  },
})
