/**
 * A reporter for `node --test` that says little while all is well: failures in full, with what their file wrote;
 * skipped tests by name with the reason; then the closing line.
 */
import { writeSync } from 'node:fs'
import { relative, resolve } from 'node:path'
import { inspect } from 'node:util'
import type { TestEvent } from 'node:test/reporters'
import { root } from '../lib/paths.ts'
import { durationsFile, slowest, type TestDuration } from './durations.ts'
import { closingLine } from './tally.ts'

/** What is kept of one file's output, at most: the end of it says most. */
const keptOutputChars = 200_000

export default async function* report(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  let passed = 0
  let failed = 0
  const skipped: string[] = []
  const durations: TestDuration[] = []
  const output = new Map<string, string>()
  const filesWithFailures = new Set<string>()
  const path = new PathOfNames()
  const running = new Set<string>()
  // The gate interrupts a tier that is over its limit. First in line, since the runner ends the process.
  process.prependListener('SIGINT', () => {
    for (const name of running) writeSync(1, `not done: ${name}\n`)
  })

  for await (const event of events) {
    switch (event.type) {
      case 'test:start':
        path.enter(event.data.file, event.data.nesting, event.data.name)
        break
      // These two come when they happen; the others in the order of the files.
      case 'test:dequeue':
        running.add(bareName(event.data))
        break
      case 'test:complete':
        running.delete(bareName(event.data))
        break
      case 'test:pass': {
        if (event.data.details.type === 'suite') break
        const name = path.of(event.data.file, event.data.nesting, event.data.name)
        const reason = reasonForSkipping(event.data)
        if (reason === undefined) passed++
        else skipped.push(`${name}: ${reason}`)
        durations.push({ name, seconds: event.data.details.duration_ms / 1000 })
        break
      }
      case 'test:fail': {
        const name = path.of(event.data.file, event.data.nesting, event.data.name)
        const reason = reasonForSkipping(event.data)
        if (reason !== undefined) {
          skipped.push(`${name}: ${reason}`)
          break
        }
        const { error } = event.data.details
        if (failureType(error) === 'subtestsFailed') break
        failed++
        if (event.data.file !== undefined) filesWithFailures.add(resolve(event.data.file))
        yield `FAILED ${name}\n  at ${place(event.data)}\n${indent(describe(error))}\n\n`
        break
      }
      case 'test:stdout':
      case 'test:stderr': {
        const { file, message } = event.data
        if (file === undefined) break
        // Here as it was given on the command line; in all other events in full.
        const path = resolve(file)
        output.set(path, ((output.get(path) ?? '') + message).slice(-keptOutputChars))
        break
      }
      default:
        break
    }
  }

  for (const file of filesWithFailures) {
    const text = output.get(file)
    if (text !== undefined) yield `output of ${shorten(file)}:\n${indent(text.trimEnd())}\n\n`
  }
  for (const line of skipped) yield `skipped: ${line}\n`
  const usages = process.env[durationsFile]
  if (usages !== undefined) yield slowest(usages, durations, shorten)
  yield `${closingLine({ passed, failed, skipped: skipped.length })}\n`
}

/** The names around a test, so that a nested one is reported as `outer > inner`. */
class PathOfNames {
  readonly #byFile = new Map<string, string[]>()

  enter(file: string | undefined, nesting: number, name: string): void {
    const names = this.#byFile.get(file ?? '') ?? []
    names.length = nesting
    names[nesting] = name
    this.#byFile.set(file ?? '', names)
  }

  of(file: string | undefined, nesting: number, name: string): string {
    const names = (this.#byFile.get(file ?? '') ?? []).slice(0, nesting)
    const where = file === undefined || file === name ? [] : [shorten(file)]
    return [...where, ...names, shorten(name)].join(' > ')
  }
}

function bareName(test: { file?: string | undefined; name: string }): string {
  return test.file === undefined ? shorten(test.name) : `${shorten(test.file)} > ${shorten(test.name)}`
}

interface Skippable {
  readonly skip?: string | boolean | undefined
  readonly todo?: string | boolean | undefined
}

function reasonForSkipping(test: Skippable): string | undefined {
  if (test.skip !== undefined && test.skip !== false)
    return typeof test.skip === 'string' && test.skip !== '' ? test.skip : 'no reason given'
  if (test.todo !== undefined && test.todo !== false)
    return typeof test.todo === 'string' && test.todo !== '' ? `to do: ${test.todo}` : 'to do'
  return undefined
}

function failureType(error: Error): string | undefined {
  return (error as { failureType?: string }).failureType
}

/** The runner wraps what was thrown; what was thrown is what one wants to read. */
function describe(error: Error): string {
  const thrown = error.cause ?? error
  if (typeof thrown === 'string') return thrown
  return inspect(thrown, { depth: 5, maxStringLength: 20_000 })
}

function place(test: { file?: string | undefined; line?: number | undefined }): string {
  return test.file === undefined ? '(no file)' : `${shorten(test.file)}:${test.line ?? 1}`
}

function shorten(path: string): string {
  return path.startsWith(root) ? relative(root, path) : path
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, '  ')
}
