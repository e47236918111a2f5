import assert from 'node:assert/strict'
import test from 'node:test'
import { type Arguments, readArguments } from '../../../src/cli/arguments.ts'
import type { CommandSpec } from '../../../src/cli/command-spec.ts'

const spec: CommandSpec = {
  name: 'run',
  arguments: ['<network>'],
  about: [],
  options: {
    workers: { value: '<n>', about: '' },
    set: { value: '<path=value>', multiple: true, about: '' },
    duration: { value: '<s>', about: '' },
    format: { value: '<format>', about: '' },
    json: { about: '' },
  },
}

function read(...args: readonly string[]): Arguments {
  return readArguments(spec, args)
}

function usage(message: RegExp): { code: string; message: RegExp } {
  return { code: 'USAGE', message }
}

test('options may stand anywhere, with their value behind a blank or an equals sign', () => {
  const given = read('--workers', '3', 'net.yaml', '--set=a.config.b=c=d', '--json', '--set', 'e.config.f=1')
  assert.deepEqual(given.positionals, ['net.yaml'])
  assert.equal(given.wholeNumber('workers', 0), 3)
  assert.deepEqual(given.texts('set'), ['a.config.b=c=d', 'e.config.f=1'])
  assert.equal(given.flag('json'), true)
  assert.equal(given.text('duration'), undefined)
})

test('what begins with a dash is a file after --', () => {
  assert.deepEqual(read('--', '-net.yaml').positionals, ['-net.yaml'])
})

test('a negative number is no option, wherever it stands', () => {
  for (const text of ['-1', '-12', '-0.5', '-1e3', '-2E-7'])
    assert.deepEqual(read(text, '--json', '--duration', '-3').positionals, [text])
  assert.equal(read('net.yaml', '--duration', '-3').text('duration'), '-3')
  assert.deepEqual(read('--', '-1').positionals, ['-1'])
  for (const text of ['-1x', '-x1', '-.5', '--1', '-1.'])
    assert.throws(() => read('net.yaml', text), usage(/no option -/))
})

test('a misspelt option is named with the nearest one', () => {
  assert.throws(
    () => read('net.yaml', '--wrkers', '3'),
    usage(/no option --wrkers\. Did you mean "--workers"\?/),
  )
  assert.throws(() => read('net.yaml', '-x'), usage(/no option -x/))
  assert.throws(() => read('net.yaml', '--constructor'), usage(/no option --constructor/))
})

test('values that are missing, needless or given twice are refused', () => {
  assert.throws(() => read('net.yaml', '--workers'), usage(/--workers needs a value: --workers <n>/))
  assert.throws(() => read('net.yaml', '--json=yes'), usage(/--json takes no value/))
  assert.throws(() => read('net.yaml', '--workers', '1', '--workers', '2'), usage(/given twice/))
})

test('arguments that are missing or too many are named', () => {
  assert.throws(() => read(), usage(/needs <network>/))
  assert.throws(() => read('a.yaml', 'b.yaml'), usage(/no use for "b\.yaml"/))
})

test('numbers and choices are checked', () => {
  for (const text of ['-1', '1.5', 'two', '1e3', '99999999999999999999'])
    assert.throws(
      () => read('n', `--workers=${text}`).wholeNumber('workers', 0),
      usage(/--workers must be a whole number/),
    )
  assert.throws(() => read('n', '--workers', '0').wholeNumber('workers', 1), usage(/1 or more/))
  assert.equal(read('n', '--duration', '0.5').positiveNumber('duration'), 0.5)
  for (const text of ['0', '-1', 'x', 'Infinity'])
    assert.throws(() => read('n', `--duration=${text}`).positiveNumber('duration'), usage(/above 0/))
  assert.equal(read('n', '--format', 'dot').oneOf('format', ['svg', 'dot']), 'dot')
  assert.throws(
    () => read('n', '--format', 'svgg').oneOf('format', ['svg', 'dot']),
    usage(/Did you mean "svg"/),
  )
})
