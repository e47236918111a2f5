/** What the step `servers` of the gate runs: one script for each kind of server. */
import { provideEtcd } from './etcd.ts'
import { provideKafka } from './kafka.ts'
import { provideNats } from './nats.ts'
import { provideNetworkTools } from './network-tools.ts'
import { providePostgres } from './postgres.ts'
import { provideS3 } from './s3.ts'

const servers = {
  'etcd (distribution)': () => provideEtcd('distribution'),
  'etcd (current)': () => provideEtcd('current'),
  s3: provideS3,
  postgres: providePostgres,
  kafka: provideKafka,
  nats: provideNats,
  'network tools': provideNetworkTools,
}

for (const [name, provide] of Object.entries(servers)) {
  const found = await provide()
  console.log(`${name}: ${'path' in found ? found.path : found.missing}`)
}
