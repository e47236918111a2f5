import type { MessagePort } from 'node:worker_threads'
import { errorToData } from '../../base/errors.ts'
import type { Follow, StoreBackend } from '../backend.ts'
import type { LeaseId, RangeOptions, Transaction, TransactionOptions } from '../store.ts'
import { exactValues } from './exact.ts'
import type { FromStore, StoreCall, ToStore } from './port-protocol.ts'

/**
 * Lets another thread use a store of this one, until the port is closed. The thread has said `hello` (PO-1).
 * `failed` hears of an answer that could not be sent, which is a fault of ours: the other thread waits for it in vain.
 */
export function servePort(backend: StoreBackend, port: MessagePort, failed: (error: unknown) => void): void {
  const follows = new Map<number, Follow>()
  const send = (message: FromStore): void => port.postMessage(exactValues(message))
  const call = async (id: number, name: StoreCall, args: readonly unknown[]): Promise<void> => {
    try {
      send({ type: 'result', id, value: await perform(backend, name, args) })
    } catch (error) {
      send({ type: 'error', id, error: errorToData(error) })
    }
  }
  port.on('message', (message: ToStore) => {
    switch (message.type) {
      case 'hello':
        return
      case 'call':
        call(message.id, message.call, message.args).catch(failed)
        return
      case 'follow': {
        const { id, prefix, from } = message
        const follow = backend.follow(prefix, from, {
          events: (revision, events) => send({ type: 'events', id, revision, events }),
          compacted: () => send({ type: 'compacted', id }),
          failed: (error) => send({ type: 'failed', id, error: errorToData(error) }),
        })
        follows.set(id, follow)
        return
      }
      case 'cancel':
        follows.get(message.id)?.cancel()
        follows.delete(message.id)
    }
  })
  port.on('close', () => {
    for (const follow of follows.values()) follow.cancel()
    follows.clear()
  })
  // The other thread keeps the process alive where anything does.
  port.unref()
  send({ type: 'ready' })
}

function perform(
  backend: StoreBackend,
  name: StoreCall,
  [first, second]: readonly unknown[],
): Promise<unknown> {
  switch (name) {
    case 'get':
      return backend.get(first as string, {})
    case 'range':
      return backend.range(first as string, second as RangeOptions)
    case 'transact':
      return backend.transact(first as Transaction, second as TransactionOptions)
    case 'grant':
      return backend.grant(first as number, {})
    case 'keepAlive':
      return backend.keepAlive(first as LeaseId, {})
    case 'revoke':
      return backend.revoke(first as LeaseId, {})
    case 'leases':
      return backend.leases({})
  }
}
