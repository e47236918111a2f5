import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

/** Why there can be no small disk here, or false: the option `skip` of a test. */
export const noSmallDisk =
  process.platform === 'linux' && process.getuid?.() === 0
    ? false
    : 'a small file system can be mounted as root on Linux only'

/** A file system of its own, of a megabyte, until the test ends. */
export class SmallDisk {
  readonly folder: string

  constructor(t: TestContext) {
    const home = mkdtempSync(join(tmpdir(), 'vertigo-full-'))
    this.folder = join(home, 'disk')
    mkdirSync(this.folder)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', this.folder])
    t.after(() => {
      execFileSync('umount', ['-l', this.folder])
      rmSync(home, { recursive: true, force: true })
    })
  }

  /** With `size=2m`, `ro` and the like. */
  remount(option: string): void {
    execFileSync('mount', ['-o', `remount,${option}`, this.folder])
  }
}
