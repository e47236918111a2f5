/** PostgreSQL: a sink that writes rows with the commit of snapshots, and a source that reads a table. Needs the package `pg`. */
export { postgresSink } from './sink.ts'
export { type PostgresRow, postgresSource } from './source.ts'
