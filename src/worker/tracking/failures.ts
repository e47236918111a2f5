import type { VertigoError } from '../../base/errors.ts'
import { readableText } from '../../base/readable.ts'
import type { TrackFailure } from '../../component/tracking.ts'
import { isNewsEncodable } from '../../wire/track-frames.ts'
import { errorOf } from '../rejection.ts'
import type { Task } from '../task-runner.ts'
import type { WorkerTracking } from './worker-tracking.ts'

interface FailedAt {
  readonly identity: { readonly component: string; readonly instance: number }
  readonly tracking: WorkerTracking
  /** The last snapshot that it had taken the cut of (TR-6). */
  readonly lastCut: number
}

type FailedTask = Pick<Task, 'port' | 'message' | 'call' | 'track'>

/** A handler has failed: the source of its message hears of it, where that tracks it. */
export function tellSource(
  { identity, tracking, lastCut }: FailedAt,
  task: FailedTask,
  error: VertigoError,
): void {
  const tree = task.track ?? task.call?.treeTrack
  if (tree !== undefined && tree !== null) tracking.fail(tree, failureOf(identity, task, error), lastCut)
}

function failureOf(
  { component, instance }: FailedAt['identity'],
  { port = '', message }: FailedTask,
  error: VertigoError,
): TrackFailure {
  const told = isNewsEncodable(message) ? message : readableText(message)
  return { component, instance, port, message: told, error: errorOf(error) }
}
