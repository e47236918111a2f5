import { runScript } from '../lib/process.ts'

export const commandLine = 'src/cli/main.ts'

/** What the command of this repository, run from its sources, writes to standard output. */
export async function vertigo(...args: readonly string[]): Promise<string> {
  const { code, output, stdout } = await runScript(commandLine, args, {
    // The same text on every machine and in every terminal.
    env: { NO_COLOR: '1', COLUMNS: '100' },
    timeoutMs: 120_000,
  })
  if (code !== 0) throw new Error(`\`vertigo ${args.join(' ')}\` failed (${code}).\n${output}`)
  return stdout
}
