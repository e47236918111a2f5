import type { VertigoError } from '../base/errors.ts'
import { readableText } from '../base/readable.ts'
import type { OutputPort } from '../messaging/output-port.ts'
import { messagesFault } from '../wire/frame.ts'
import type { RejectedMessage } from './host.ts'
import type { Task } from './task-runner.ts'

/** What is told of a message that its component could not handle. */
export function rejectionOf(
  { component, instance }: { readonly component: string; readonly instance: number },
  { port, message }: Pick<Task, 'port' | 'message'>,
  error: VertigoError,
  timeMs: number,
): RejectedMessage {
  return { component, instance, port: port ?? '', message, error: errorOf(error), timeMs }
}

export function errorOf(error: VertigoError): RejectedMessage['error'] {
  const { name, message } = error.code === 'COMPONENT_FAILED' ? (error.cause as Error) : error
  return { name, message, code: error.code }
}

/** On the port `error`. */
export function sendRejection(output: OutputPort, record: RejectedMessage): void {
  if (output.leavesThread && messagesFault([record]) !== undefined) {
    // It would fail again on its way, and with it the run.
    output.send({ ...record, message: readableText(record.message) })
  } else output.send(record)
}
