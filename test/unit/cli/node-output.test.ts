import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { test } from 'node:test'
import { NodeOutput, waitingMax } from '../../../src/cli/node/node-output.ts'

class Reader extends EventEmitter {
  writableLength = 0
  readonly written: string[] = []
  write(text: string): void {
    this.written.push(text)
  }
}

test('lines are left out while too much waits for the reader, and counted when it has taken that', () => {
  const reader = new Reader()
  const output = new NodeOutput(reader, (count) => `(${count})\n`)
  output.write('a\n')
  reader.writableLength = waitingMax + 1
  output.write('b\n')
  reader.writableLength = 1
  output.write('c\n')
  assert.deepEqual(reader.written, ['a\n'])
  reader.writableLength = 0
  reader.emit('drain')
  output.write('d\n')
  assert.deepEqual(reader.written, ['a\n', '(2)\n', 'd\n'])
  assert.equal(reader.listenerCount('drain'), 0)
})
