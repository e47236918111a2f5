import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  truncateSync,
  writeSync,
} from 'node:fs'
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

/** Takes all the room that a disk has, but for so many pages of 4 KiB; gives it back when it is called. */
export function fillDisk(folder: string, freePages = 0): () => void {
  const file = join(folder, 'filling')
  const opened = openSync(file, 'w')
  const page = new Uint8Array(4096)
  let pages = 0
  try {
    for (; ; pages++) writeSync(opened, page)
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC')
  }
  closeSync(opened)
  if (freePages > 0) truncateSync(file, (pages - freePages) * page.length)
  return () => rmSync(file)
}

/** The same for a disk that breaks. */
export const noBreakingDisk =
  noSmallDisk === false && !(existsSync('/sbin/mkfs.ext4') && existsSync('/dev/loop-control'))
    ? 'there is no mkfs.ext4 (Debian, Ubuntu: apt-get install e2fsprogs), or no loop device'
    : noSmallDisk

/** A file system of its own, of 16 MiB, that can become read-only in the midst of all that is open on it, as the kernel makes one that has errors. */
export class BreakingDisk {
  readonly folder: string
  private image: string

  constructor(t: TestContext) {
    const home = mkdtempSync(join(tmpdir(), 'vertigo-breaking-'))
    this.folder = join(home, 'disk')
    this.image = join(home, 'image')
    mkdirSync(this.folder)
    closeSync(openSync(this.image, 'w'))
    truncateSync(this.image, 16 * 1024 ** 2)
    execFileSync('/sbin/mkfs.ext4', ['-q', this.image])
    this.mount()
    t.after(() => {
      this.unmount()
      rmSync(home, { recursive: true, force: true })
    })
  }

  break(): void {
    execFileSync('mount', ['-o', 'remount,abort', this.folder])
  }

  /**
   * The same disk can be written again. Nobody may have anything open on it. What is mounted is a copy: where a process
   * has begun a mount namespace of its own meanwhile (`ip netns exec`), the broken one stays in use there, and the same
   * image would be that one again, still read-only.
   */
  mend(): void {
    execFileSync('umount', [this.folder])
    const copy = `${this.image}-mended`
    copyFileSync(this.image, copy)
    this.image = copy
    this.mount()
  }

  /** An empty one is in its place, whatever is still open on this one. */
  replace(): void {
    this.unmount()
    execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', this.folder])
  }

  private mount(): void {
    execFileSync('mount', ['-o', 'loop', this.image, this.folder])
  }

  private unmount(): void {
    execFileSync('umount', ['-l', this.folder])
  }
}
