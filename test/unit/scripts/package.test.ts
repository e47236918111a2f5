import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync, statSync } from 'node:fs'
import { posix } from 'node:path'
import { test } from 'node:test'
import { readPage } from '../../../scripts/docs/page.ts'
import { inRoot, root } from '../../../scripts/lib/paths.ts'

const { files } = JSON.parse(readFileSync(inRoot('package.json'), 'utf8')) as {
  readonly files: readonly string[]
}

const isPacked = (path: string): boolean =>
  path === 'package.json' || files.some((file) => path === file || path.startsWith(`${file}/`))

test('every link of the packed documents leads into the package', () => {
  const pages = globSync('**/*.md', { cwd: root, exclude: ['node_modules/**', 'dist/**', '.cache/**'] })
    .map((path) => path.replaceAll('\\', '/'))
    .filter(isPacked)
  assert.ok(pages.includes('README.md') && pages.includes('docs/guide/README.md'), pages.join())
  const leadOut = pages.flatMap((path) =>
    readPage(path)
      .links.filter(({ url }) => !/^([a-z][a-z+.-]*:|#)/i.test(url))
      .map(({ url, line }) => {
        const target = posix.join(posix.dirname(path), decodeURIComponent(url.replace(/#.*$/, '')))
        return { at: `${path}:${line}`, url, isFine: isPacked(target) && existsSync(inRoot(target)) }
      })
      .filter(({ isFine }) => !isFine),
  )
  assert.deepEqual(leadOut, [])
})

test('what the package names as its files is there, but for what is built', () => {
  for (const file of files) if (file !== 'dist') assert.ok(statSync(inRoot(file)).size > 0, file)
})
