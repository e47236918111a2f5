import { isIterator, isThenable } from '../base/values.ts'
import type { Outbox } from '../messaging/outbox.ts'
import {
  nowhere,
  type TrackedChannel,
  type TrackRun,
  type Tracks,
  type TrackSink,
} from '../messaging/tracks.ts'
import { type Call, callDirect, callTracked } from './call.ts'
import type { Invoke } from './handlers.ts'
import type { YieldAsked } from './turn-pace.ts'

/**
 * The loop that everything is measured by: calls a synchronous handler for message after message, without a promise, a
 * closure or an object for each.
 *
 * It stops at `end`, when an output has lost its credit, when the turn is asked to end, or when a handler returned a promise or an
 * iterator; then `progress.result` holds that. `progress.at` is always the index after the last message that was handed over, also
 * when the handler has thrown.
 */
export type MessageLoop = (
  items: readonly unknown[],
  from: number,
  end: number,
  invoke: Invoke,
  call: Call,
  outbox: Outbox,
  progress: LoopProgress,
) => void

export interface LoopProgress {
  at: number
  result: unknown
  readonly yieldAsked: YieldAsked
}

let made = 0

/**
 * As text (with a number, since equal texts share what was learned about them), because each handler gets a loop of its own. One loop shared by all components would call ever other
 * functions from one place, which the engine's compiler cannot inline; the same code compiled once more for each
 * handler is two to three times as fast in a chain of small components.
 */
const source = (keyed: boolean): string => `
/* ${++made} */
return function messageLoop(items, from, end, invoke, call, outbox, progress) {
  const context = call.context
  const yieldAsked = progress.yieldAsked
  let at = from
  try {
    while (at < end) {
      const message = items[at++]
      ${keyed ? 'call.message = message; call.cachedRow = null' : ''}
      const result = invoke(message, context)
      if (result !== undefined && result !== null && typeof result === 'object' &&
          (typeof result.then === 'function' || typeof result.next === 'function')) {
        progress.result = result
        return
      }
      if (outbox.interrupted && !outbox.nextCall()) return
      if (yieldAsked[0] !== 0) return
    }
  } finally {
    progress.at = at
  }
}`

/**
 * A loop of its own for one handler. `keyed`: whether the call has to know the message, for its key; a store of a young
 * object in an old one for each message is not free.
 *
 * Where code from strings is forbidden (`--disallow-code-generation-from-strings`), it is the shared one.
 */
export function makeMessageLoop(keyed: boolean): MessageLoop {
  try {
    // oxlint-disable-next-line typescript/no-unsafe-call, typescript/no-implied-eval -- see above: the text is constant
    return new Function(source(keyed))() as MessageLoop
  } catch {
    return sharedLoop
  }
}

const sharedLoop: MessageLoop = (items, from, end, invoke, call, outbox, progress) => {
  const { context } = call
  const { yieldAsked } = progress
  let at = from
  try {
    while (at < end) {
      const message = items[at++]
      call.message = message
      call.cachedRow = null
      const result = invoke(message, context)
      if (isThenable(result) || isIterator(result)) {
        progress.result = result
        return
      }
      if (outbox.interrupted && !outbox.nextCall()) return
      if (yieldAsked[0] !== 0) return
    }
  } finally {
    progress.at = at
  }
}

/**
 * As a `MessageLoop`, for a parcel in which some messages are tracked, and handlers that send to one channel. Where that is
 * `nowhere`, who calls it settles the tracks of those that were handled.
 */
export type RunLoop = (
  items: readonly unknown[],
  from: number,
  end: number,
  invoke: Invoke,
  call: Call,
  outbox: Outbox,
  progress: LoopProgress,
  tracks: Tracks,
  sink: TrackSink,
  run: TrackRun,
  channel: TrackedChannel,
) => void

/** The same loop, which gives what each handler has sent its tracks when that has ended. It stops when one has left the run. */
const runSource = (keyed: boolean, sends: boolean): string => `
/* ${++made} */
return function runLoop(items, from, end, invoke, call, outbox, progress, tracks, sink, run, channel) {
  const context = call.context
  const yieldAsked = progress.yieldAsked
  let at = from
  try {
    while (at < end) {
      ${sends ? 'const track = tracks[at]' : ''}
      run.at = at
      ${sends ? 'run.first = channel.count' : ''}
      const message = items[at++]
      ${keyed ? 'call.message = message; call.cachedRow = null' : ''}
      const result = invoke(message, context)
      if (result !== undefined && result !== null && typeof result === 'object' &&
          (typeof result.then === 'function' || typeof result.next === 'function')) {
        progress.result = result
        return
      }
      ${sends ? sendsSource : 'const isIn = !run.hasLeft'}
      if (outbox.interrupted && !outbox.nextCall()) return
      if (yieldAsked[0] !== 0) return
      if (!isIn) return
    }
  } finally {
    progress.at = at
  }
}`

const sendsSource = `
      let isIn = true
      if (track !== undefined && channel.count === run.first + 1) channel.tracks[run.first] = track
      else isIn = run.end(track, call, sink)`

/** Made for a handler when the first tracked message comes to it. */
export function makeRunLoop(keyed: boolean, sends: boolean): RunLoop {
  try {
    // oxlint-disable-next-line typescript/no-unsafe-call, typescript/no-implied-eval -- as above
    return new Function(runSource(keyed, sends))() as RunLoop
  } catch {
    return sharedRunLoop
  }
}

const sharedRunLoop: RunLoop = (
  items,
  from,
  end,
  invoke,
  call,
  outbox,
  progress,
  tracks,
  sink,
  run,
  channel,
) => {
  const { context } = call
  const { yieldAsked } = progress
  let at = from
  try {
    while (at < end) {
      const track = tracks[at]
      run.at = at
      run.first = channel.count
      const message = items[at++]
      call.message = message
      call.cachedRow = null
      const result = invoke(message, context)
      if (isThenable(result) || isIterator(result)) {
        progress.result = result
        return
      }
      const isIn = channel === nowhere ? !run.hasLeft : run.end(track, call, sink)
      if (outbox.interrupted && !outbox.nextCall()) return
      if (yieldAsked[0] !== 0) return
      if (!isIn) return
    }
  } finally {
    progress.at = at
  }
}

/** As a `RunLoop`, for handlers that may send to several channels: what they send is noted one by one. */
export type TrackedLoop = (
  items: readonly unknown[],
  from: number,
  end: number,
  invoke: Invoke,
  call: Call,
  outbox: Outbox,
  progress: LoopProgress,
  tracks: Tracks,
  sink: TrackSink,
) => void

/** The same loop, which gives each message's part of a token to the call, and settles it when the handler has ended. */
const trackedSource = (keyed: boolean): string => `
/* ${++made} */
return function trackedLoop(items, from, end, invoke, call, outbox, progress, tracks, sink) {
  const context = call.context
  const yieldAsked = progress.yieldAsked
  let at = from
  try {
    while (at < end) {
      const track = tracks[at]
      if (track !== undefined) {
        call.track = track
        call.mode = ${callTracked}
      } else {
        call.track = null
        call.mode = ${callDirect}
      }
      const message = items[at++]
      ${keyed ? 'call.message = message; call.cachedRow = null' : ''}
      const result = invoke(message, context)
      if (result !== undefined && result !== null && typeof result === 'object' &&
          (typeof result.then === 'function' || typeof result.next === 'function')) {
        progress.result = result
        return
      }
      if (track !== undefined) {
        if (call.loanAt >= 0) call.loanAt = -1
        else track.settle(sink)
      }
      if (outbox.interrupted && !outbox.nextCall()) return
      if (yieldAsked[0] !== 0) return
    }
  } finally {
    progress.at = at
  }
}`

/** As `makeRunLoop`. */
export function makeTrackedLoop(keyed: boolean): TrackedLoop {
  try {
    // oxlint-disable-next-line typescript/no-unsafe-call, typescript/no-implied-eval -- as above
    return new Function(trackedSource(keyed))() as TrackedLoop
  } catch {
    return sharedTrackedLoop
  }
}

const sharedTrackedLoop: TrackedLoop = (items, from, end, invoke, call, outbox, progress, tracks, sink) => {
  const { context } = call
  const { yieldAsked } = progress
  let at = from
  try {
    while (at < end) {
      call.track = tracks[at] ?? null
      call.mode = call.directMode
      const message = items[at++]
      call.message = message
      call.cachedRow = null
      const result = invoke(message, context)
      if (isThenable(result) || isIterator(result)) {
        progress.result = result
        return
      }
      call.settleTrack(sink)
      if (outbox.interrupted && !outbox.nextCall()) return
      if (yieldAsked[0] !== 0) return
    }
  } finally {
    progress.at = at
  }
}
