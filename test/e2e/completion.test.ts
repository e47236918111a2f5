import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { type TestContext, test } from 'node:test'
import { assertCode, vertigo } from './support.ts'

async function script(t: TestContext, shell: string): Promise<string> {
  const result = await vertigo(t, ['completion', shell])
  assertCode(result, 0)
  return result.stdout
}

const isMissing = (program: string): boolean => spawnSync(program, ['--version']).error !== undefined

test(
  'bash completes commands, those of groups, and options',
  { skip: isMissing('bash') && 'no bash' },
  async (t) => {
    const text = await script(t, 'bash')
    const completed = (...words: readonly string[]): string[] => {
      const quoted = ['vertigo', ...words].map((word) => `'${word}'`).join(' ')
      const probe = `${text}\nCOMP_WORDS=(${quoted})\nCOMP_CWORD=${words.length}\n_vertigo\nprintf '%s\\n' "\${COMPREPLY[@]}"`
      const { stdout, stderr, status } = spawnSync('bash', ['--norc', '-c', probe], { encoding: 'utf8' })
      assert.equal(status, 0, stderr)
      return stdout.split('\n').filter((word) => word !== '')
    }
    assert.deepEqual(completed('de'), ['deploy', 'describe'])
    assert.ok(completed('').includes('nodes') && completed('').includes('help'))
    assert.deepEqual(completed('store', 'ex'), ['export'])
    assert.deepEqual(completed('store', 'ls', '--v'), ['--values'])
    assert.deepEqual(completed('deploy', '--re'), ['--replace'])
    assert.deepEqual(completed('deploy', '--wait', 'net.yaml', '--ti'), ['--timeout'])
    assert.deepEqual(completed('config', '--q'), ['--quorum'])
    assert.ok(['-f', '--follow', '-h', '--help'].every((option) => completed('logs', '-').includes(option)))
    // Files are for the shell.
    assert.deepEqual(completed('deploy', 'ne'), [])
  },
)

test('zsh takes the script', { skip: isMissing('zsh') && 'no zsh' }, async (t) => {
  const { status, stderr } = spawnSync('zsh', ['-n'], { input: await script(t, 'zsh'), encoding: 'utf8' })
  assert.equal(status, 0, stderr)
})

test('fish takes the script', { skip: isMissing('fish') && 'no fish' }, async (t) => {
  const { status, stderr } = spawnSync('fish', ['-n'], { input: await script(t, 'fish'), encoding: 'utf8' })
  assert.equal(status, 0, stderr)
})

test('scripts for zsh and fish name every command and what it takes', async (t) => {
  const [zsh, fish] = [await script(t, 'zsh'), await script(t, 'fish')]
  assert.match(zsh, /'deploy:Deploy a network, or a part of one, to the cluster'/)
  assert.match(zsh, / {6}deploy\) options=\('--replace:[^)]*'--timeout:How long to wait, in seconds'/)
  assert.match(fish, /^complete -c vertigo -n '__fish_use_subcommand' -f -a deploy -d 'Deploy a network/m)
  assert.match(fish, /^complete -c vertigo -n '__fish_seen_subcommand_from deploy' -l timeout -r -d /m)
  assert.match(fish, /from store; and __fish_seen_subcommand_from ls' -l values -d /)
  assert.match(zsh, / {6}logs\) options=\('-f:Go on with lines as they come' '--follow:/)
  assert.match(fish, /from logs' -s f -l follow -d /)
  // Quotes in texts would end the words of the script.
  for (const line of fish.split('\n'))
    assert.equal((line.replaceAll("'\\''", '').split("'").length - 1) % 2, 0, line)
})
