import { type ErrorCodeInfo, errorCodes } from '../../src/base/error-codes.ts'
import { type Generator, generatedFrom } from './generator.ts'
import { code, table } from './markdown.ts'

/** What each exit code of the command line means; the compiler sees to it that none is forgotten. */
const exitCodes: Readonly<Record<ErrorCodeInfo['exit'] | 0, string>> = {
  0: 'success',
  1: 'the network failed while it ran',
  2: 'the command was used wrongly',
  3: 'the network, or one of its components, cannot be loaded or is not valid',
  4: 'a file or a stream could not be read or written',
  70: 'a fault of Vertigo itself',
  130: 'ended by Ctrl-C',
}

/** `docs/reference/errors.md` */
export const errorsPage: Generator = {
  path: 'docs/reference/errors.md',
  needs: ['src/base/error-codes.ts'],
  make: () => Promise.resolve(page()),
}

function page(): string {
  return [
    generatedFrom('src/base/error-codes.ts'),
    '# Errors\n',
    'Every error of Vertigo is a `VertigoError` with a `code` that stays the same between versions, a message that',
    'says what happened, the place where it happened, and what to do. *Retryable* means that trying the same again',
    'may succeed.\n',
    '## Exit codes of the command line\n',
    table(
      ['exit code', 'means'],
      Object.entries(exitCodes).map(([exit, meaning]) => [exit, meaning]),
    ),
    '## Error codes\n',
    ...Object.entries<ErrorCodeInfo>(errorCodes).map(([name, info]) => section(name, info)),
  ].join('\n')
}

function section(name: string, { title, remedy, exit, retryable = false }: ErrorCodeInfo): string {
  const facts = [`Exit code ${exit}.`, retryable ? 'Retryable.' : 'Not retryable.']
  return `### ${code(name)}\n\n${title}\n\n**What to do:** ${remedy}\n\n${facts.join(' ')}\n`
}
