import { createHash } from 'node:crypto'
import * as v from 'valibot'
import { VertigoError } from '../../base/errors.ts'
import { canonicalJson } from '../../model/json.ts'
import { bundleBytesMax, bundleFilesMax } from './limits.ts'

/**
 * A bundle: the code behind one module address, with all it imports, so that a node needs none of the files it was made of.
 *
 * - BU-1 Its name is the SHA-256 of its manifest, which holds that of each file. So the name changes when the code does, and
 *   only then; and whoever knows the name can check everything else.
 * - BU-2 Each module that a network names has a bundle of its own, with copies of what it shares with others: what another
 *   one imports does not change its name. (With chunks shared by all, a new import in one moves code between them.)
 * - BU-3 What is not as the name says is never loaded: it is checked where it is read from the store, and again from the disk when a
 *   node starts.
 */
export interface Bundle {
  readonly hash: string
  readonly manifest: BundleManifest
  /** By path, in the order of the manifest. */
  readonly files: ReadonlyMap<string, Uint8Array>
}

/** Beside the files of a bundle, in its folder on a node. */
export const manifestFile = 'vertigo-bundle.json'

const pathPattern = /^[\w@$+-][\w@$+.-]*(?:\/[\w@$+-][\w@$+.-]*)*$/
const hashPattern = /^[0-9a-f]{64}$/
const hash = v.pipe(v.string(), v.regex(hashPattern, 'is no SHA-256 in hex'))
const path = v.pipe(v.string(), v.maxLength(300), v.regex(pathPattern, 'is no path inside of a bundle'))
const packageName = v.pipe(
  v.string(),
  v.maxLength(214),
  v.regex(/^(?:@[a-z0-9~-][\w.~-]*\/)?[a-zA-Z0-9~-][\w.~-]*$/, 'is no name of a package'),
)

const manifestSchema = v.object({
  format: v.literal(1),
  /** The file that is loaded. */
  entry: path,
  /** Packages that the node has to have itself. */
  packages: v.pipe(v.array(packageName), v.maxLength(100)),
  /** In the order of their paths. */
  files: v.pipe(
    v.array(v.object({ path, bytes: v.pipe(v.number(), v.integer(), v.minValue(0)), sha256: hash })),
    v.minLength(1),
    v.maxLength(bundleFilesMax),
  ),
})
export type BundleManifest = v.InferOutput<typeof manifestSchema>

/** Errors: BUNDLE_TOO_LARGE. */
export function makeBundle(
  entry: string,
  files: ReadonlyMap<string, Uint8Array>,
  packages: readonly string[],
): Bundle {
  const sorted = [...files].toSorted(([a], [b]) => (a < b ? -1 : 1))
  const bytes = sorted.reduce((sum, [, content]) => sum + content.length, 0)
  if (sorted.length > bundleFilesMax || bytes > bundleBytesMax) {
    const what = `${sorted.length} files and ${Math.ceil(bytes / 1024 / 1024)} MiB`
    throw new VertigoError(
      'BUNDLE_TOO_LARGE',
      `The bundle of ${entry} has ${what}; ${bundleFilesMax} files and ${bundleBytesMax / 1024 / 1024} MiB are taken.`,
    )
  }
  const manifest: BundleManifest = {
    format: 1,
    entry,
    packages: packages.toSorted(),
    files: sorted.map(([name, content]) => ({
      path: name,
      bytes: content.length,
      sha256: sha256(content),
    })),
  }
  return { hash: sha256(encodeManifest(manifest)), manifest, files: new Map(sorted) }
}

export function encodeManifest(manifest: BundleManifest): Uint8Array {
  return new TextEncoder().encode(canonicalJson(manifest))
}

/** Errors: BUNDLE_DAMAGED where it is not the one with that hash. */
export function decodeManifest(expected: string, bytes: Uint8Array, where: string): BundleManifest {
  if (sha256(bytes) !== expected) throw damaged(expected, where, 'its manifest does not match its hash')
  const parsed = v.safeParse(manifestSchema, parsedJson(bytes))
  // It is what somebody meant to write, but not for this version.
  if (!parsed.success) throw damaged(expected, where, `its manifest ${parsed.issues[0].message}`)
  const { entry, files } = parsed.output
  if (bundleBytes(parsed.output) > bundleBytesMax) throw damaged(expected, where, 'it is too large')
  if (!canLieTogether(files)) throw damaged(expected, where, 'its files cannot lie in one folder')
  if (!files.some((file) => file.path === entry)) throw damaged(expected, where, 'its entry is missing')
  return parsed.output
}

function parsedJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes))
  } catch {
    // Whoever knows its hash has written it: the schema says that it is none.
    return undefined
  }
}

/** In the order of their paths, each once, none of them a folder of another, none where a node puts its own. */
function canLieTogether(files: BundleManifest['files']): boolean {
  const paths = new Set(files.map((file) => file.path))
  const inOrder = files.every(({ path }, at) => at === 0 || files[at - 1]!.path < path)
  const isOwn = (path: string): boolean => path === manifestFile || path.split('/')[0] === 'node_modules'
  const parents = files.flatMap((file) =>
    file.path.split('/').map((_, depth, parts) => parts.slice(0, depth).join('/')),
  )
  return inOrder && !files.some((file) => isOwn(file.path)) && !parents.some((parent) => paths.has(parent))
}

export function bundleBytes({ files }: BundleManifest): number {
  return files.reduce((sum, { bytes }) => sum + bytes, 0)
}

/** Errors: BUNDLE_DAMAGED where the content of a file is not as the manifest says. */
export function checkFile(
  bundle: string,
  file: BundleManifest['files'][number],
  content: Uint8Array,
  where: string,
): void {
  if (content.length !== file.bytes || sha256(content) !== file.sha256)
    throw damaged(bundle, where, `${file.path} does not match its hash`)
}

/** All files in one piece, as they are kept. */
export function contentOf({ files }: Bundle): Uint8Array {
  return concat([...files.values()])
}

/** The bundle that a manifest and all files in one piece make. Errors: BUNDLE_DAMAGED. */
export function fromContent(
  expected: string,
  manifest: BundleManifest,
  content: Uint8Array,
  where: string,
): Bundle {
  if (content.length !== bundleBytes(manifest)) throw damaged(expected, where, 'a part of it is missing')
  const files = new Map<string, Uint8Array>()
  let at = 0
  for (const file of manifest.files) {
    const piece = content.subarray(at, at + file.bytes)
    checkFile(expected, file, piece, where)
    files.set(file.path, piece)
    at += file.bytes
  }
  return { hash: expected, manifest, files }
}

/** Bytes in pieces of a size, at least one. */
export function split(bytes: Uint8Array, size: number): readonly Uint8Array[] {
  const count = Math.max(1, Math.ceil(bytes.length / size))
  return Array.from({ length: count }, (_, i) => bytes.subarray(i * size, (i + 1) * size))
}

export function concat(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0))
  let at = 0
  for (const piece of pieces) {
    whole.set(piece, at)
    at += piece.length
  }
  return whole
}

/** One bundle as bytes, to send it over the API. */
export function encodeBundle(bundle: Bundle): Uint8Array {
  const manifest = encodeManifest(bundle.manifest)
  const length = new Uint8Array(4)
  new DataView(length.buffer).setUint32(0, manifest.length)
  return concat([length, manifest, contentOf(bundle)])
}

/** Errors: BUNDLE_DAMAGED. */
export function decodeBundle(expected: string, bytes: Uint8Array): Bundle {
  const where = 'what was sent'
  if (bytes.length < 4) throw damaged(expected, where, 'a part of it is missing')
  const end = 4 + new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)
  if (end > bytes.length) throw damaged(expected, where, 'a part of it is missing')
  const manifest = decodeManifest(expected, bytes.subarray(4, end), where)
  return fromContent(expected, manifest, bytes.subarray(end), where)
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

export function damaged(bundle: string, where: string, what: string): VertigoError {
  return new VertigoError(
    'BUNDLE_DAMAGED',
    `The bundle ${shortHash(bundle)} in ${where} is damaged: ${what}.`,
  )
}

/** Enough to tell bundles apart, for people. */
export function shortHash(bundle: string): string {
  return bundle.slice(0, 12)
}

export function isHash(text: string): boolean {
  return hashPattern.test(text)
}
