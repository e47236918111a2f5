import * as v from 'valibot'
import { defineComponent, port } from 'vertigo-flow'

const user = v.object({ name: v.string(), isAdmin: v.boolean() })

export interface Login {
  readonly id: number
  readonly userId: number
}

export interface EnrichedLogin extends Login {
  readonly user: v.InferOutput<typeof user>
}

/** Adds to each login what a service knows of the user. */
export default defineComponent({
  description: 'Adds the user to each login, by HTTP.',
  inputs: { login: port<Login>() },
  outputs: { enriched: port<EnrichedLogin>() },
  config: v.strictObject({
    url: v.pipe(v.string(), v.url()),
    timeoutMs: v.optional(v.pipe(v.number(), v.minValue(1)), 5000),
  }),
  // Eight requests at a time; the results leave in the order of the logins nevertheless.
  concurrency: 8,
  on: {
    async login(login, { config, emit, signal }) {
      const response = await fetch(`${config.url}/users/${login.userId}`, {
        signal: AbortSignal.any([signal, AbortSignal.timeout(config.timeoutMs)]),
      })
      if (!response.ok) {
        await response.body?.cancel()
        throw new Error(`the service answered ${response.status} for user ${login.userId}`)
      }
      emit.enriched({ ...login, user: v.parse(user, await response.json()) })
    },
  },
})
