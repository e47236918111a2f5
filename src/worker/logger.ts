import type { LogRecord } from '../component/context.ts'
import { logPorts } from '../model/kind-info.ts'

/** Who logs. */
export interface LoggingInstance {
  readonly identity: { readonly component: string; readonly instance: number }
  /** To the port of the level's name, where that is connected. */
  logToPort(level: string, record: LogRecord): void
  nowMs(): number
}

/** The logger of an instance: to the run's log, and to the port of the level's name where that is connected. */
export function instanceLogger(instance: LoggingInstance, sink: (record: LogRecord) => void): object {
  const { component, instance: number } = instance.identity
  const logger: Record<string, unknown> = {}
  for (const level of logPorts) {
    logger[level] = (message: string, details?: Readonly<Record<string, unknown>>): void => {
      const record: LogRecord = {
        level,
        message,
        details,
        component,
        instance: number,
        timeMs: instance.nowMs(),
      }
      sink(record)
      instance.logToPort(level, record)
    }
  }
  return logger
}
