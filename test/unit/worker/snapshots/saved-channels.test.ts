import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Inbox } from '../../../../src/messaging/inbox.ts'
import { restoreChannels, savedChannels } from '../../../../src/worker/snapshots/saved-channels.ts'
import {
  decodeSaved,
  encodeSaved,
  nothingSaved,
  type SavedChannel,
} from '../../../../src/worker/snapshots/saved.ts'

const ports = [{ name: 'in', index: 0 }]

test('what waits from a sender that is no more keeps its key, and its name for the next snapshot', () => {
  const message = { user: { id: 7 } }
  const waits: SavedChannel = {
    name: 'a.out in [0] [0]',
    port: 'in',
    hash: { key: 'user.id' },
    parcels: [{ items: [message], group: 0, control: null }],
  }
  const { channels } = decodeSaved(encodeSaved({ ...nothingSaved, channels: [waits] }, 'b[0]'))
  assert.deepEqual(channels, [waits])
  const inbox = new Inbox(1, () => undefined)
  restoreChannels(channels, { place: 'b[0]', inputs: ports, inbox })
  const [channel] = inbox.all
  assert.equal(channel!.readKey!(message), 7)
  assert.deepEqual(savedChannels({ channels: inbox.all, ports, snapshot: 3, takenBack: [] }), [waits])
})
