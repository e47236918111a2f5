import { Buffer } from 'node:buffer'
import { closeSync, constants, type FSWatcher, openSync, watch, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { Cancel, Clock } from '../../base/clock.ts'
import { placeError } from './place.ts'

/**
 * Tells the other processes that something was committed: by writing a byte into a file that all of them watch. LMDB's own
 * file would do as well, but it changes with every keep-alive, too. What gets lost (a process that dies between its commit
 * and this byte; a machine that has no more watches to give) is made up for by looking now and then.
 */

/** With a watch: what is lost comes this late, and an idle process costs next to nothing. */
const pollMsDefault = 250
/** Without one. */
const pollMsUnwatched = 10
const signalByte = Buffer.from('.')

export class ChangeSignal {
  private readonly clock: Clock
  private readonly onSignal: () => void
  private readonly pollMs: number
  private readonly fd: number
  private watcher: FSWatcher | undefined
  private cancelPoll: Cancel = () => undefined
  private isClosed = false

  constructor(folder: string, clock: Clock, onSignal: () => void, pollMs = pollMsDefault) {
    this.clock = clock
    this.onSignal = onSignal
    this.pollMs = pollMs
    const file = join(folder, 'notify')
    try {
      this.fd = openSync(file, constants.O_RDWR | constants.O_CREAT)
    } catch (error) {
      throw placeError(folder, error)
    }
    this.watchFile(file)
  }

  /** After a commit. */
  announce(): void {
    if (this.isClosed) return
    try {
      writeSync(this.fd, signalByte, 0, 1, 0)
    } catch {
      // What was committed stays so; the others look by themselves before long.
    }
  }

  close(): void {
    if (this.isClosed) return
    this.isClosed = true
    this.watcher?.close()
    this.cancelPoll()
    closeSync(this.fd)
  }

  private watchFile(file: string): void {
    try {
      this.watcher = watch(file, () => this.onSignal())
      this.watcher.once('error', () => this.unwatch())
      this.poll(this.pollMs)
    } catch {
      // No more inotify instances or watches for this user.
      this.unwatch()
    }
  }

  private unwatch(): void {
    this.watcher?.close()
    this.watcher = undefined
    if (!this.isClosed) this.poll(Math.min(this.pollMs, pollMsUnwatched))
  }

  private poll(periodMs: number): void {
    this.cancelPoll()
    this.cancelPoll = this.clock.every(periodMs, () => this.onSignal(), { coarse: true })
  }
}
