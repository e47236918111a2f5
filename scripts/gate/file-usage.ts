/**
 * Loaded before each test file where durations are asked for: tells, when the process of the file ends, how long it
 * ran and how much processor time it took with the processes it started. A file with little of the latter waits.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { isMainThread } from 'node:worker_threads'
import { durationsFile, usageLine } from './durations.ts'

/** Fields of /proc/self/stat behind the name of the program: utime, stime, and both of the children that ended. */
const timeFields = [11, 12, 13, 14]
/** What Linux counts these times in, on all common machines. */
const ticksPerSecond = 100

const file = process.env[durationsFile]
const test = process.argv[1]
// The runner itself loads this too, and so do the threads of a test.
if (file !== undefined && test !== undefined && isMainThread)
  process.on('exit', () => {
    appendFileSync(
      file,
      usageLine({ file: test, seconds: performance.now() / 1000, cpuSeconds: cpuSeconds() }),
    )
  })

function cpuSeconds(): number {
  if (!existsSync('/proc/self/stat')) return process.cpuUsage().user / 1e6 + process.cpuUsage().system / 1e6
  const stat = readFileSync('/proc/self/stat', 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return timeFields.reduce((sum, index) => sum + Number(fields[index]), 0) / ticksPerSecond
}
