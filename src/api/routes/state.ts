import { VertigoError } from '../../base/errors.ts'
import type { ApiRoute } from '../route.ts'
import * as schemas from '../state-schemas.ts'

export const stateRoutes: readonly ApiRoute[] = [
  {
    method: 'GET',
    path: '/v1/networks/:name/components/:component/state',
    id: 'readState',
    summary:
      'The state of a key, as the last committed snapshot has it, or another one. The files of its instance are read through, which takes as long as its state is large.',
    role: 'viewer',
    query: schemas.stateQuery,
    answer: schemas.stateReading,
    async handle({ params, query, signal }, { states }) {
      const { key = '', snapshot } = query
      return states.get(
        params['name']!,
        { component: params['component']!, key: parsed(key), ...(snapshot !== undefined && { snapshot }) },
        { signal },
      )
    },
  },
]

function parsed(key: string): unknown {
  try {
    return JSON.parse(key)
  } catch (error) {
    throw new VertigoError('API_REQUEST_INVALID', `The key ${JSON.stringify(key)} is no JSON.`, {
      cause: error,
      remedy: 'Write a text with its quotes: "the".',
    })
  }
}
