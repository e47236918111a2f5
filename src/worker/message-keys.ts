import { VertigoError } from '../base/errors.ts'
import { routingKey } from '../messaging/router.ts'
import { encodeKey, instanceOfKeyGroup, type KeyReader, keyGroupOf } from '../state/keys.ts'

/** What a message's key is locked by. A key that cannot be read is told by the handler that asks for its state. */
export function keyLock(readKey: KeyReader, message: unknown): string | undefined {
  try {
    return encodeKey(readKey(message))
  } catch {
    return undefined
  }
}

/** In a group, which goes whole to one instance, a message may have a key whose state is at another one. */
export function ownKeysOnly(
  readKey: KeyReader,
  { instance, instances }: { readonly instance: number; readonly instances: number },
): KeyReader {
  if (instances === 1) return readKey
  return (message) => {
    const key = readKey(message)
    const encoded = routingKey(key)
    const owner = instanceOfKeyGroup(keyGroupOf(encoded), instances)
    if (owner === instance) return key
    throw new VertigoError(
      'STATE_KEY_ELSEWHERE',
      `a message in a group has the key ${encoded.replace('\u0000', '')}, whose state is at instance ${owner}`,
    )
  }
}
