import { access, readFile, writeFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { join } from 'node:path'
import { systemClock } from '../../../base/clock.ts'
import { VertigoError } from '../../../base/errors.ts'
import { makeFolder } from '../../../base/make-folder.ts'
import type { IssuedCertificate } from '../../../cluster/certificates/issue.ts'
import { type Arguments, usage } from '../../arguments.ts'
import type { Command } from '../../command.ts'

const daysDefault = 365
/** The authority is needed for as long as nodes are added: it lives longer than what it signs. */
const authorityDays = 3_650
const authorityName = 'ca'
const nodesMax = 1_000

export const createCommand: Command = {
  spec: {
    name: 'certs create',
    arguments: ['<folder>'],
    about: [
      'Makes an authority (`ca.pem`, `ca.key`) and a certificate with its key for each node (`<node>.pem`, `<node>.key`), so that the nodes of a cluster talk to each other by mutual TLS.',
      'An authority that is in the folder already is used: so more nodes get theirs later. Files are never overwritten. Keys can be read by you only; keep `ca.key` away from the nodes.',
    ],
    options: {
      nodes: { value: '<a,b,c>', about: 'Ids of the nodes, as in `vertigo node --id`.' },
      hosts: {
        value: '<a,b>',
        about:
          'Names and IP addresses of the hosts of these nodes, so that the certificates do for the HTTP API as well (`--api-cert`). 127.0.0.1 and ::1 are always among them. A name that is the id of another node would let each pass for that one.',
      },
      days: {
        value: '<n>',
        about: `Days for which the certificates of nodes are valid. Default ${daysDefault}; the authority is for ten years.`,
      },
    },
    examples: [
      ['vertigo certs create certs --nodes a,b,c', 'An authority, and certificates for three nodes.'],
      ['vertigo certs create certs --nodes d --days 30', 'One more, later.'],
    ],
  },
  run,
}

async function run(given: Arguments): Promise<number> {
  const folder = given.positionals[0]!
  const nodes = nodesOf(given.text('nodes'))
  const days = given.wholeNumber('days', 1) ?? daysDefault
  const { names, addresses } = hostsOf(given.text('hosts'))
  const existing = await existingAuthority(folder)
  await refuseExisting(folder, nodes)
  // Loaded by this command only: the library that writes certificates is large.
  const { createAuthority, issueNodeCertificate } = await import('../../../cluster/certificates/issue.ts')
  const clock = systemClock
  const authority =
    existing ?? (await createAuthority('Vertigo cluster', { clock, days: Math.max(authorityDays, days) }))
  // All of them before the first is written: a name that cannot be one is refused with nothing done.
  const issued = new Map<string, IssuedCertificate>()
  for (const node of nodes)
    issued.set(node, await issueNodeCertificate(authority, node, { clock, days, names, addresses }))
  await folderForCerts(folder)
  if (existing === undefined) await write(folder, authorityName, authority)
  for (const [node, certificate] of issued) await write(folder, node, certificate)
  process.stdout.write(summary(folder, nodes, existing !== undefined))
  return 0
}

function nodesOf(text: string | undefined): readonly string[] {
  const nodes = (text ?? '').split(',').map((node) => node.trim())
  if (text === undefined || nodes.includes(''))
    throw usage(
      'The ids of the nodes are missing.',
      'Write --nodes with ids between commas: `--nodes a,b,c`.',
    )
  if (nodes.length > nodesMax) throw usage(`More than ${nodesMax} nodes at once are not taken.`)
  const twice = nodes.find((node, at) => nodes.indexOf(node) !== at)
  if (twice !== undefined) throw usage(`The node "${twice}" is named twice.`)
  if (nodes.includes(authorityName))
    throw usage(`A node cannot be called "${authorityName}" here: its files would be those of the authority.`)
  return nodes
}

function hostsOf(text: string | undefined): {
  readonly names: readonly string[]
  readonly addresses: readonly string[]
} {
  const hosts = text === undefined ? [] : text.split(',').map((host) => host.trim())
  if (hosts.includes('')) throw usage('--hosts takes names and addresses between commas.')
  const addresses = hosts.filter((host) => isIP(host) !== 0)
  return {
    names: hosts.filter((host) => isIP(host) === 0),
    addresses: [...new Set(['127.0.0.1', '::1', ...addresses])],
  }
}

async function existingAuthority(folder: string): Promise<IssuedCertificate | undefined> {
  const [cert, key] = await Promise.all(filesOf(folder, authorityName).map(readIfThere))
  if (cert === undefined && key === undefined) return undefined
  if (cert !== undefined && key !== undefined) return { cert, key }
  const [certFile, keyFile] = filesOf(folder, authorityName)
  throw new VertigoError(
    'CERTIFICATE_EXISTS',
    `${cert === undefined ? keyFile : certFile} is there without ${cert === undefined ? certFile : keyFile}, so nothing can be signed by this authority.`,
    { remedy: 'Bring the other file of the authority back, or use another folder.', place: { file: folder } },
  )
}

async function refuseExisting(folder: string, nodes: readonly string[]): Promise<void> {
  for (const file of nodes.flatMap((node) => filesOf(folder, node)))
    if (await isThere(file)) throw exists(file)
}

function filesOf(folder: string, name: string): readonly [cert: string, key: string] {
  // `*.cluster.example` is a name of many nodes, and would be a trap as the name of a file.
  const stem = name.replaceAll('*', '_')
  return [join(folder, `${stem}.pem`), join(folder, `${stem}.key`)]
}

async function folderForCerts(folder: string): Promise<void> {
  try {
    await makeFolder(folder, { mode: 0o700 })
  } catch (cause) {
    throw notWritten(folder, cause)
  }
}

async function write(folder: string, name: string, { cert, key }: IssuedCertificate): Promise<void> {
  const [certFile, keyFile] = filesOf(folder, name)
  await writeNew(keyFile, key, 0o600)
  await writeNew(certFile, cert, 0o644)
}

async function writeNew(file: string, text: string, mode: number): Promise<void> {
  try {
    await writeFile(file, text, { flag: 'wx', mode })
  } catch (cause) {
    if ((cause as { readonly code?: string }).code === 'EEXIST') throw exists(file)
    throw notWritten(file, cause)
  }
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    const { code } = cause as { readonly code?: string }
    if (code === 'ENOENT') return undefined
    throw new VertigoError('FILE_UNREADABLE', `${file} cannot be read (${code ?? 'unknown error'}).`, {
      cause,
      place: { file },
    })
  }
}

async function isThere(file: string): Promise<boolean> {
  try {
    await access(file)
    return true
  } catch (error) {
    const { code } = error as { readonly code?: string }
    // Whatever else is wrong is found when the file is written.
    return code !== 'ENOENT' && code !== 'ENOTDIR'
  }
}

function exists(file: string): VertigoError {
  return new VertigoError('CERTIFICATE_EXISTS', `${file} is there already; nothing was overwritten.`, {
    place: { file },
  })
}

function notWritten(file: string, cause: unknown): VertigoError {
  const { code = 'unknown error' } = cause as { readonly code?: string }
  return new VertigoError('FILE_NOT_WRITABLE', `${file} cannot be written (${code}).`, {
    cause,
    place: { file },
  })
}

function summary(folder: string, nodes: readonly string[], isKnown: boolean): string {
  const authority = isKnown ? 'Signed by the authority in' : 'An authority, and what it signed, are in'
  const [ca] = filesOf(folder, authorityName)
  const lines = nodes.map((node) => {
    const [cert, key] = filesOf(folder, node)
    return `  vertigo node --id ${node} --tls-ca ${ca} --tls-cert ${cert} --tls-key ${key} ...\n`
  })
  return (
    `${authority} ${folder}. Start the nodes with them:\n${lines.join('')}` +
    `Each node needs its own two files and ${authorityName}.pem. Keep ${authorityName}.key away from them: who has it can add nodes.\n`
  )
}
