/**
 * The Kafka broker that tests of its connectors run against: its authors' jars from Maven Central, where there is a Java to run them
 * and a Maven to get them; Maven is installed where it is missing.
 *
 *   node scripts/servers/kafka.ts      provides it, and says where it is
 */
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { inCache } from '../lib/paths.ts'
import { runOrThrow } from '../lib/process.ts'
import { aptInstall } from './apt.ts'
import { onPath, type Provided } from './provided.ts'

const version = '4.3.1'
/** It writes what a broker that did not start has to say to the standard error. */
const slf4jVersion = '1.7.36'
const fetchMsMax = 600_000

let provided: Promise<Provided> | undefined

/** The folder of the jars; found or fetched once for each process. */
export function provideKafka(): Promise<Provided> {
  provided ??= provide()
  return provided
}

async function provide(): Promise<Provided> {
  const path = inCache('servers', `kafka-${version}`)
  const missing = [
    ...(onPath('java') === undefined ? ['default-jre-headless'] : []),
    ...(existsSync(path) || onPath('mvn') !== undefined ? [] : ['maven']),
  ]
  const why = missing.length === 0 ? undefined : await aptInstall(...missing)
  if (why !== undefined) return { missing: `Kafka needs Java 17 and Maven (${why})` }
  if (existsSync(path)) return { path }
  try {
    await fetchJars(path)
    return { path }
  } catch (error) {
    return { missing: `Kafka ${version} could not be fetched: ${(error as Error).message.slice(0, 500)}` }
  }
}

async function fetchJars(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  const folder = await mkdtemp(`${dirname(path)}-fetch-`)
  try {
    await writeFile(join(folder, 'pom.xml'), pom())
    const goal = 'org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies'
    const args = ['-B', '-q', goal, `-DoutputDirectory=${join(folder, 'jars')}`, '-DincludeScope=runtime']
    await runOrThrow('mvn', args, { cwd: folder, timeoutMs: fetchMsMax })
    // Somebody else may have fetched them meanwhile; they are the same.
    if (!existsSync(path)) await rename(join(folder, 'jars'), path)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function pom(): string {
  const dependency = (group: string, name: string, of: string): string =>
    `<dependency><groupId>${group}</groupId><artifactId>${name}</artifactId><version>${of}</version></dependency>`
  return `<project xmlns="http://maven.apache.org/POM/4.0.0">
<modelVersion>4.0.0</modelVersion><groupId>local</groupId><artifactId>kafka-for-tests</artifactId><version>1</version>
<dependencies>
${dependency('org.apache.kafka', 'kafka_2.13', version)}
${dependency('org.slf4j', 'slf4j-simple', slf4jVersion)}
</dependencies>
</project>
`
}

if (import.meta.main) {
  const found = await provideKafka()
  console.log(`kafka: ${'path' in found ? found.path : found.missing}`)
}
