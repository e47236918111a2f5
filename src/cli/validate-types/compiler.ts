import { execFile } from 'node:child_process'
import { readFile, stat } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, parse as parsePath, resolve } from 'node:path'
import { VertigoError } from '../../base/errors.ts'

/** The user's TypeScript compiler. */
export interface Compiler {
  readonly version: string
  /** Path of the script that runs it. */
  readonly script: string
}

/** One error that the compiler reports. */
export interface Diagnostic {
  readonly file: string
  /** 1-based. */
  readonly line: number
  /** 1-based. */
  readonly column: number
  /** Such as `TS2345`. */
  readonly code: string
  /** The first line. */
  readonly message: string
  /** The lines below it, from the outermost reason to the innermost, without indentation. */
  readonly details: readonly string[]
}

/** Longer than this and something hangs. */
const compileMsMax = 300_000
const outputBytesMax = 64 * 1024 * 1024

/** The TypeScript that is installed for the folder. Throws `TYPESCRIPT_MISSING`. */
export async function findCompiler(folder: string): Promise<Compiler> {
  let manifestPath: string
  try {
    manifestPath = createRequire(join(folder, 'network.js')).resolve('typescript/package.json')
  } catch (error) {
    throw new VertigoError('TYPESCRIPT_MISSING', `No package "typescript" is installed for ${folder}.`, {
      cause: error,
    })
  }
  const manifest = JSON.parse(await readFile(manifestPath, 'utf8')) as {
    readonly version?: string
    readonly bin?: { readonly tsc?: string }
  }
  const { version = 'unknown', bin } = manifest
  if (bin?.tsc === undefined)
    throw new VertigoError('TYPESCRIPT_FAILED', `${manifestPath} (version ${version}) has no command "tsc".`)
  return { version, script: join(dirname(manifestPath), bin.tsc) }
}

/** The nearest `tsconfig.json` of a folder or of one above it. */
export async function findConfig(folder: string): Promise<string | undefined> {
  for (let at = folder; ; at = dirname(at)) {
    const path = join(at, 'tsconfig.json')
    if (await isFile(path)) return path
    if (dirname(at) === at) return undefined
  }
}

/** The configuration to compile the check file by: the user's own, as far as it is about types. */
export function compileConfig(compiler: Compiler, userConfig: string | undefined, checkFile: string): object {
  const major = Number(compiler.version.split('.')[0])
  const ownDefaults = {
    target: 'esnext',
    module: 'nodenext',
    strict: true,
    // Before 6 all of @types is what one gets anyway.
    ...(major >= 6 ? { types: ['*'] } : {}),
  }
  return {
    ...(userConfig === undefined ? {} : { extends: userConfig }),
    compilerOptions: {
      ...(userConfig === undefined ? ownDefaults : {}),
      noEmit: true,
      allowImportingTsExtensions: true,
      allowJs: true,
      checkJs: false,
      skipLibCheck: true,
      noUnusedLocals: false,
      noUnusedParameters: false,
      composite: false,
      incremental: false,
      declaration: false,
      declarationMap: false,
      isolatedDeclarations: false,
      emitDeclarationOnly: false,
      // Not the user's, which holds the user's modules only, nor the default, which is the folder of the check file.
      rootDir: parsePath(resolve(checkFile)).root,
      rewriteRelativeImportExtensions: false,
      tsBuildInfoFile: null,
    },
    files: [checkFile],
    include: [],
    references: [],
  }
}

/** Compiles a project and gives what the compiler reports. Throws `TYPESCRIPT_FAILED` where it does not do its work. */
export async function compile(
  compiler: Compiler,
  project: string,
  signal?: AbortSignal,
): Promise<readonly Diagnostic[]> {
  const folder = dirname(project)
  const args = [compiler.script, '--project', project, '--pretty', 'false']
  const { code, output } = await new Promise<{ code: unknown; output: string }>((done, fail) => {
    const options = {
      cwd: folder,
      timeout: compileMsMax,
      maxBuffer: outputBytesMax,
      signal,
      encoding: 'utf8',
    } as const
    execFile(process.execPath, args, options, (error, stdout, stderr) => {
      if (signal?.aborted) fail(signal.reason as Error)
      else done({ code: error === null ? 0 : (error.code ?? error.signal), output: `${stdout}${stderr}` })
    })
  })
  const { diagnostics, others } = parseDiagnostics(output, folder)
  if ((code === 0 || code === 1 || code === 2) && others.length === 0) return diagnostics
  const told = others.length > 0 ? others.slice(0, 5).join(' ') : `it ended with ${String(code)}`
  throw new VertigoError(
    'TYPESCRIPT_FAILED',
    `TypeScript ${compiler.version} did not check the types: ${told}`,
  )
}

/** Reads what `tsc --pretty false` prints. `others` are lines that belong to no file. */
export function parseDiagnostics(
  output: string,
  folder: string,
): { readonly diagnostics: readonly Diagnostic[]; readonly others: readonly string[] } {
  const diagnostics: (Diagnostic & { readonly details: string[] })[] = []
  const others: string[] = []
  let isOther = false
  for (const line of output.split(/\r?\n/)) {
    const found = /^(.+?)\((\d+),(\d+)\): error (TS\d+): (.*)$/.exec(line)
    if (found !== null) {
      const [, file = '', at, column, code = '', message = ''] = found
      diagnostics.push({
        file: resolve(folder, file),
        line: Number(at),
        column: Number(column),
        code,
        message,
        details: [],
      })
      isOther = false
    } else if (/^\s+\S/.test(line) && !isOther && diagnostics.length > 0) {
      diagnostics.at(-1)!.details.push(line.trim())
    } else if (line.trim() !== '') {
      others.push(line.trim())
      isOther = true
    }
  }
  return { diagnostics, others }
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile()
  } catch {
    return false
  }
}
