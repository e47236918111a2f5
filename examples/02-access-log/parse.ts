import { defineComponent, port } from 'vertigo-flow'

export interface Request {
  readonly status: number
  /** Day and hour, as the log writes them: `31/Jan/2026:21`. */
  readonly hour: string
  /** Without what follows a `?`. */
  readonly path: string
  readonly bytes: number
}

/** `host ident user [time] "method path protocol" status bytes ...` */
const format = /^\S+ \S+ \S+ \[([^:\]]+:\d\d):[^\]]+\] "[A-Z]+ ([^ ?"]+)\S* [^"]*" (\d{3}) (\d+|-)(?: |$)/

/** Makes a request of each line. A line that is none is an error: the network says what happens to it. */
export default defineComponent({
  inputs: { line: port<string>() },
  outputs: { request: port<Request>() },
  on: {
    line(line, { emit }) {
      const match = format.exec(line)
      if (match === null) throw new Error('not a line of an access log')
      const [, hour = '', path = '', status = '', bytes = ''] = match
      emit.request({ status: Number(status), hour, path, bytes: bytes === '-' ? 0 : Number(bytes) })
    },
  },
})
