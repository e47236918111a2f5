import { providePostgres } from '../../../../scripts/servers/postgres.ts'
import type { Random } from '../../../../src/base/random.ts'
import { PostgresServer } from '../../../support/postgres-server.ts'
import { checkCalls, checkPairs, checkWords } from '../checks.ts'
import type { Noted } from '../journaled.ts'
import type { Fault } from '../killer.ts'
import type { Counted, Pair } from '../kinds.ts'
import type { Target } from './target.ts'

const provided = await providePostgres()
/** Why there is none; false where there is. */
export const postgresMissing: string | false = 'missing' in provided ? provided.missing : false

export interface ServerTarget extends Target {
  /** Of the server. */
  readonly faults: readonly Fault[]
}

/** Tables without keys: what is written twice is there twice. `host`: where it is reached. */
export async function postgresAt(host: string): Promise<ServerTarget> {
  if ('missing' in provided) throw new Error(provided.missing)
  const server = await PostgresServer.start(provided.path, host)
  const tables = {
    words: 'word text NOT NULL, count int NOT NULL',
    pairs: 'client text NOT NULL, name text NOT NULL',
    calls: 'id text NOT NULL, times int NOT NULL',
  }
  for (const [name, columns] of Object.entries(tables))
    await server.query(`CREATE TABLE ${name} (place bigserial, ${columns})`)
  const sink = (table: string, columns: readonly string[], instances = 1) => ({
    kind: 'postgres-sink',
    instances,
    config: { url: server.url, table, columns },
  })
  const rows = async <T>(table: keyof typeof tables): Promise<readonly T[]> =>
    (await server.query(`SELECT * FROM ${table} ORDER BY place`)) as readonly T[]
  return {
    name: 'postgres',
    sinks: {
      words: sink('words', ['word', 'count']),
      pairs: sink('pairs', ['client', 'name'], 2),
      calls: sink('calls', ['id', 'times']),
    },
    async check(noted) {
      const words = checkWords('PostgreSQL', await rows<Counted>('words'))
      const pairs = checkPairs('PostgreSQL', await rows<Pair>('pairs'))
      return words + pairs + checkCalls('PostgreSQL', await rows<Noted>('calls'), noted)
    },
    close: () => server.stop(),
    faults: [
      {
        name: 'PostgreSQL is killed, or ends its connections',
        weight: 2,
        of: 'none',
        run: async (_, random: Random) => {
          if (random.int(2) === 0) await server.disconnectAll()
          else {
            await server.kill()
            await server.run()
          }
        },
      },
    ],
  }
}
