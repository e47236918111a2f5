import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

export interface Certificate {
  readonly certFile: string
  readonly keyFile: string
  readonly cert: Uint8Array
  readonly key: Uint8Array
}

/** An authority of one's own, made by the `openssl` program. */
export class Authority {
  readonly #folder: string
  readonly own: Certificate
  #count = 0

  private constructor(folder: string, own: Certificate) {
    this.#folder = folder
    this.own = own
  }

  /** Undefined where there is no `openssl`. */
  static async make(name: string): Promise<Authority | undefined> {
    const folder = await mkdtemp(join(tmpdir(), 'vertigo-ca-'))
    const files = { certFile: join(folder, 'ca.pem'), keyFile: join(folder, 'ca.key') }
    const { certFile, keyFile } = files
    try {
      const kind = '-x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2'.split(' ')
      await run('openssl', ['req', ...kind, '-subj', `/CN=${name}`, '-keyout', keyFile, '-out', certFile])
      return new Authority(folder, await load(files))
    } catch (error) {
      await rm(folder, { recursive: true, force: true })
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw error
    }
  }

  /** A certificate for a server or client; `hosts` as in `DNS:localhost,IP:127.0.0.1`. `expired`: its time is over. */
  async issue(
    name: string,
    hosts: string,
    options: { readonly expired?: boolean } = {},
  ): Promise<Certificate> {
    const base = join(this.#folder, `cert-${++this.#count}`)
    const [certFile, keyFile, request, extensions] = [
      `${base}.pem`,
      `${base}.key`,
      `${base}.csr`,
      `${base}.ext`,
    ]
    await writeFile(extensions, `subjectAltName=${hosts}\nextendedKeyUsage=serverAuth,clientAuth\n`)
    const kind = '-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'.split(' ')
    await run('openssl', ['req', ...kind, '-subj', `/CN=${name}`, '-keyout', keyFile, '-out', request])
    const { certFile: ca, keyFile: caKey } = this.own
    const days = options.expired ? '-1' : '2'
    const signer = ['-CA', ca, '-CAkey', caKey, '-CAcreateserial', '-days', days]
    await run('openssl', [
      'x509',
      '-req',
      '-in',
      request,
      ...signer,
      '-extfile',
      extensions,
      '-out',
      certFile,
    ])
    return load({ certFile, keyFile })
  }

  remove(): Promise<void> {
    return rm(this.#folder, { recursive: true, force: true })
  }
}

async function load({ certFile, keyFile }: { certFile: string; keyFile: string }): Promise<Certificate> {
  const [cert, key] = await Promise.all([readFile(certFile), readFile(keyFile)])
  return { certFile, keyFile, cert, key }
}
