import { usage } from '../arguments.ts'

/** `127.0.0.1:7411`, `[::1]:7411`, `node-1`; the port may be left out. Errors: USAGE. */
export function hostAndPort(text: string, option: string): { readonly host: string; readonly port?: number } {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text) ?? []
  const host = bracketed ?? plain
  if (host === undefined || Number(port ?? 0) > 65_535)
    throw usage(`--${option} takes host:port, not "${text}".`, 'Such as 127.0.0.1:7411, or [::1]:7411.')
  return { host, ...(port !== undefined && { port: Number(port) }) }
}
