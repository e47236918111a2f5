/** The first signal asks for an orderly end, the second one for an end at once. */
export function onStopSignals(actions: {
  readonly first: (signal: NodeJS.Signals) => void
  readonly second: (signal: NodeJS.Signals) => void
}): () => void {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  let count = 0
  const onSignal = (signal: NodeJS.Signals): void => {
    count++
    if (count === 1) actions.first(signal)
    else actions.second(signal)
  }
  for (const signal of signals) process.on(signal, onSignal)
  return () => {
    for (const signal of signals) process.off(signal, onSignal)
  }
}
