import { readFile } from 'node:fs/promises'
import { VertigoError } from '../base/errors.ts'

const secretBytesMax = 1024 * 1024

/**
 * What a reference to a secret stands for: `env:NAME` or `file:path`, also as `${env:NAME}`. Secrets are given by reference
 * only: command lines are seen by everybody on a machine. Errors: SECRET_INVALID, never with the secret.
 */
export async function readSecret(
  reference: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<{ readonly text: string; readonly place: string }> {
  const [, type, name] = /^(?:\$\{)?(env|file):(.+?)\}?$/s.exec(reference) ?? []
  if (type === undefined || name === undefined)
    throw new VertigoError('SECRET_INVALID', 'A secret was given where a reference to one is wanted.')
  if (type === 'env') {
    const text = env[name]
    if (text === undefined || text === '')
      throw new VertigoError('SECRET_INVALID', `The variable ${name}, which is to hold a secret, is not set.`)
    return { text, place: `$${name}` }
  }
  return { text: await readSecretFile(name), place: name }
}

async function readSecretFile(file: string): Promise<string> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (cause) {
    const { code } = cause as { readonly code?: string }
    throw new VertigoError(
      'SECRET_INVALID',
      `The file of a secret cannot be read (${code ?? 'unknown error'}).`,
      { cause, place: { file } },
    )
  }
  if (text.length > secretBytesMax)
    throw new VertigoError('SECRET_INVALID', 'The file of a secret is larger than 1 MiB.', {
      place: { file },
    })
  return text
}
