import assert from 'node:assert/strict'
import { test } from 'node:test'
import { provideS3 } from '../../../scripts/servers/s3.ts'
import { S3Server } from '../../support/s3-server.ts'
import { Counting } from './counting.ts'

const provided = await provideS3()

/** Of nobody: the server takes any. They are read from the environment, as those of a service are. */
const credentials = { AWS_ACCESS_KEY_ID: 'user', AWS_SECRET_ACCESS_KEY: 'secret-of-user' }

test(
  'with snapshots in object storage, a node is killed, and words are counted as by a plain loop',
  { skip: 'missing' in provided ? provided.missing : false },
  async (t) => {
    assert.ok('path' in provided)
    const before = { ...process.env }
    Object.assign(process.env, credentials)
    const server = await S3Server.start(provided.path)
    let counting: Counting | undefined
    try {
      const endpoint = encodeURIComponent(server.endpoint)
      counting = await Counting.start({ snapshots: `s3://${S3Server.bucket}/words?endpoint=${endpoint}` })
      await counting.loseNode()
      t.diagnostic(`${await counting.finish()} words were checked`)
    } finally {
      await counting?.close()
      await server.stop()
      for (const name of Object.keys(credentials))
        if (before[name] === undefined) delete process.env[name]
        else process.env[name] = before[name]
    }
  },
)
