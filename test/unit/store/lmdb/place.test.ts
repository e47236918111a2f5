import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dataFileFault } from '../../../../src/base/lmdb-file.ts'
import { mountTypeOf, placeError, unfitFileSystem } from '../../../../src/store/lmdb/place.ts'

test('file systems that lie on another machine are named; local ones are fit', () => {
  assert.equal(unfitFileSystem(0x6969, undefined), 'NFS')
  // `statfs` may give the number with its sign.
  assert.equal(unfitFileSystem(0xff534d42 | 0, undefined), 'CIFS')
  assert.equal(unfitFileSystem(0x01021997, undefined), '9P')
  for (const ext4OrTmpfs of [0xef53, 0x01021994, 0x9123683e, 0x58465342])
    assert.equal(unfitFileSystem(ext4OrTmpfs, undefined), undefined)
  assert.equal(unfitFileSystem(0x65735546, 'fuse.sshfs'), 'fuse.sshfs')
  assert.equal(unfitFileSystem(0x65735546, 'virtiofs'), 'virtiofs')
  assert.equal(unfitFileSystem(0x65735546, undefined), 'FUSE')
  assert.equal(unfitFileSystem(0x65735546, 'fuse.fuse-overlayfs'), undefined)
})

test('the mount that holds a path is the longest, and of those the last', () => {
  const mountinfo = [
    '22 1 254:0 / / rw,relatime - ext4 /dev/vda rw',
    '30 22 0:30 / /mnt/with\\040space rw - fuse.sshfs host:/ rw',
    '31 22 0:31 / /mnt rw shared:7 - tmpfs tmpfs rw',
    '32 22 0:32 / /mnt rw - xfs /dev/vdb rw',
    '',
  ].join('\n')
  assert.equal(mountTypeOf('/home/x', mountinfo), 'ext4')
  assert.equal(mountTypeOf('/mnt/with space/store', mountinfo), 'fuse.sshfs')
  assert.equal(mountTypeOf('/mnt/store', mountinfo), 'xfs')
  assert.equal(mountTypeOf('/mnting', mountinfo), 'ext4')
})

test('errors of the file system are said in the words of the store', () => {
  const codeOf = (code: string): unknown =>
    (placeError('/x', Object.assign(new Error('it failed'), { code })) as { code: unknown }).code
  assert.equal(codeOf('EROFS'), 'STORE_PLACE_UNFIT')
  assert.equal(codeOf('ENOSPC'), 'STORE_FULL')
  assert.equal(codeOf('ENOTDIR'), 'STORE_FOREIGN')
  assert.equal(codeOf('EMFILE'), 'EMFILE')
})

test('the head of a data file says whether it can be mapped', () => {
  assert.match(dataFileFault(Buffer.alloc(100), 100)!, /no database/)
  assert.match(dataFileFault(Buffer.alloc(10_000), 10_000)!, /no database/)
})
