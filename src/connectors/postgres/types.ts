import type { CustomTypesConfig } from 'pg'
import { loadPackage } from '../servers/load-package.ts'

/** Numbers of types (OID) whose values the client would change, or give in the time zone of this machine. */
const oids = {
  int8: 20,
  date: 1082,
  time: 1083,
  timestamp: 1114,
  interval: 1186,
  int8List: 1016,
  dateList: 1182,
  timestampList: 1115,
  intervalList: 1187,
  textList: 1009,
} as const

type Parse = (text: string) => unknown

/**
 * How rows come out of the database: `bigint` for bigint, so that none loses digits; texts for numeric (as the client has it) and for times
 * without a zone; a `Date` for timestamptz.
 */
export async function readingTypes(component: string): Promise<CustomTypesConfig> {
  const { default: loaded } = await loadPackage('pg', component, () => import('pg'))
  const list = loaded.types.getTypeParser(oids.textList as number, 'text') as Parse
  const asIs: Parse = (text) => text
  const digits: Parse = (text) => BigInt(text)
  const own = new Map<number, Parse>([
    [oids.int8, digits],
    [oids.date, asIs],
    [oids.time, asIs],
    [oids.timestamp, asIs],
    [oids.interval, asIs],
    [oids.int8List, (text) => deep(list(text), digits)],
    [oids.dateList, list],
    [oids.timestampList, list],
    [oids.intervalList, list],
  ])
  return {
    getTypeParser: (oid: number, format?: string) =>
      (format === 'binary' ? undefined : own.get(oid)) ??
      (loaded.types.getTypeParser(oid, format as 'text') as Parse),
  }
}

/** Each text inside of lists in lists. */
function deep(value: unknown, parse: Parse): unknown {
  if (Array.isArray(value)) return value.map((item) => deep(item, parse))
  return typeof value === 'string' ? parse(value) : value
}
