import * as v from 'valibot'
import { VertigoError } from '../../base/errors.ts'
import { configObject, text } from '../../component/built-in-config.ts'
import { builtInKind, defineSource, isKind, port } from '../../component/index.ts'
import type { TrackInsights } from '../../component/tracking.ts'
import { type CheckMessage, InputQueue } from './input-queue.ts'
import { clientPortsOf } from './line.ts'
import { RequestBook } from './requests.ts'

/**
 * Source `client-input`: what clients send into an exported input of a network in a cluster. It is put into the network when
 * that is deployed, nobody writes it.
 */
export const clientInputKind = builtInKind(
  'client-input',
  defineSource({
    description: 'Messages that clients send into an exported input. Put into deployed networks by itself.',
    outputs: { out: port() },
    config: configObject({
      /** The kind of the component that the port belongs to, where its port has a schema; named as other kinds name code. */
      function: v.optional(text()),
      /** The port of that. */
      port: v.optional(text()),
    }),
    async setup(context) {
      const { component, config, clock, isJournaled } = context
      const check = await checkOf(config, (address) => context.load(address))
      const line = clientPortsOf(context).open(component, (command) => queue.obey(command))
      const requests = new RequestBook({ clock, isJournaled })
      const queue = new InputQueue({ clock, line, check, requests })
      const insights: Required<TrackInsights> = {
        ack: (id) => requests.ack(id),
        fail: (id, failure) => requests.fail(id, failure),
        timeout: (id) => requests.timeout(id),
        answer: (id, answer) => requests.answer(id, answer),
        complete: (id, failure) => requests.complete(id, failure),
        lost: (id) => requests.lost(id),
        begins: (id) => requests.begins(id),
        kept: () => requests.kept(),
        recall: (kept, open) => requests.recall(kept, open),
      }
      return {
        ...insights,
        poll: (max, { emit, kept }) => queue.poll(max, emit.out, kept),
        drain: () => queue.end(),
        close: () => {
          queue.end()
          line.close()
        },
      }
    },
  }),
)

/** A message that does not fit is refused to whoever sends it: in the network it would be the component's fault. */
async function checkOf(
  config: { readonly function?: string | undefined; readonly port?: string | undefined },
  load: (address: string) => Promise<unknown>,
): Promise<CheckMessage | undefined> {
  const { function: address, port: name } = config
  if (address === undefined || name === undefined) return undefined
  const kind = await load(address)
  const schema = isKind(kind) ? kind.inputs[name]?.schema : undefined
  if (schema === undefined) return undefined
  return async (message) => {
    const { issues } = await schema['~standard'].validate(message)
    const [issue] = issues ?? []
    if (issue === undefined) return
    const path = (issue.path ?? []).map((step) => String(typeof step === 'object' ? step.key : step))
    const at = path.length === 0 ? '' : `${path.join('.')}: `
    throw new VertigoError('MESSAGE_INVALID', `The message does not fit the port: ${at}${issue.message}.`)
  }
}
