/**
 * For tests of lines that break within a TLS handshake. Node (seen with 26.10) then has, now and then, a request that never ends: after the
 * last test, when all is said, it waits for that while it lets go of what it has (`Environment::CleanupHandles`), at full speed and without end.
 * `process.exit` does not let go of anything. Commands of Vertigo end by it.
 */
export function exitAtOnce(): void {
  process.once('exit', (code) => process.exit(code))
}
