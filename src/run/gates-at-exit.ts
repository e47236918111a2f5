import { type SharedGate, shutGateNow } from '../base/native-gate.ts'

/**
 * A process that ends stops its threads wherever they are, and waits for each of them: so their gates are shut before that (NG-1). A thread
 * that does not come out of native code could hold up that end for ever; then the process ends without it, by SIGKILL.
 */
const gates = new Set<SharedGate>()
let isListening = false

/** How long native code may take at the end of the process, over all threads. */
const exitMsMax = 3_000

/** Gives what takes it back, when its thread is no more. */
export function shutAtExit(gate: SharedGate): () => void {
  if (!isListening) process.once('exit', shutAll)
  isListening = true
  gates.add(gate)
  return () => gates.delete(gate)
}

function shutAll(): void {
  // All of them first, so that they come out beside each other.
  for (const gate of gates) shutGateNow(gate, 0)
  for (const gate of gates) {
    if (shutGateNow(gate, exitMsMax)) continue
    process.kill(process.pid, 'SIGKILL')
  }
}
