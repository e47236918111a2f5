import { userInfo } from 'node:os'
import { apiAddress, apiAddressDefault, ApiClient, readSecret } from '../../api/index.ts'
import { systemClock } from '../../base/clock.ts'
import type { Arguments } from '../arguments.ts'
import type { OptionSpec } from '../command-spec.ts'
import { pem } from '../node/pem.ts'

/** What every command that asks a cluster takes. */
export const apiOptions: Readonly<Record<'api' | 'token' | 'api-ca' | 'json', OptionSpec>> = {
  api: {
    value: '<url>',
    about: `The HTTP API of any node. Default: the variable VERTIGO_API, else ${apiAddressDefault}.`,
  },
  token: {
    value: '<reference>',
    about: 'Where the token of the API is: env:NAME or file:path. Default: in the variable VERTIGO_TOKEN.',
  },
  'api-ca': {
    value: '<file>',
    about:
      'Certificate of the authority behind the API, where it is served over TLS. Default: the file that the variable VERTIGO_API_CA names, else the authorities that Node trusts.',
  },
  json: { about: 'Print the result as JSON.' },
}

/** Errors: USAGE, SECRET_INVALID, FILE_UNREADABLE. */
export async function connect(given: Arguments): Promise<ApiClient> {
  const { env } = process
  const address = given.text('api') ?? nonEmpty(env['VERTIGO_API']) ?? apiAddressDefault
  const reference = given.text('token')
  const token =
    reference === undefined ? nonEmpty(env['VERTIGO_TOKEN']) : (await readSecret(reference, env)).text
  const user = userName()
  const authority = given.text('api-ca') ?? nonEmpty(env['VERTIGO_API_CA'])
  return new ApiClient({
    address: apiAddress(address),
    clock: systemClock,
    ...(token !== undefined && { token: token.trim() }),
    ...(authority !== undefined && { ca: await pem(authority) }),
    ...(user !== undefined && { user }),
  })
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text
}

/** For the list of versions. Headers hold ASCII; a user without a name in the system's list is nobody. */
function userName(): string | undefined {
  try {
    const { username } = userInfo()
    return /^[\w .@-]{1,100}$/.test(username) ? username : undefined
  } catch {
    return undefined
  }
}

export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`)
}
