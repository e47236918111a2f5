/**
 * Who may have broken a worker that can no longer tell: the instance that was at work if that is known, or the only
 * one there is; else all that the worker hosted.
 */
export function suspects(
  running: string | undefined,
  hosted: readonly string[],
): { readonly component: string | undefined; readonly name: string; readonly hosts: string } {
  const component = running ?? (hosted.length === 1 ? hosted[0] : undefined)
  return {
    component,
    name: component ?? `one of ${hosted.join(', ')}`,
    hosts: `The worker hosted ${hosted.join(', ')}.`,
  }
}

/** Who may be to blame where a worker uses too much memory. `last`: who was at work last. */
export function memorySuspects(
  last: string | undefined,
  instances: readonly { readonly place: string; readonly queuedMessages: number }[],
): { readonly component: string | undefined; readonly text: string } {
  const { component, name, hosts } = suspects(
    last,
    instances.map(({ place }) => place),
  )
  const waiting = instances
    .filter(({ queuedMessages }) => queuedMessages > 0)
    .map(({ queuedMessages, place }) => `${queuedMessages} messages at ${place}`)
    .join(', ')
  return {
    component,
    text: `${name} was at work last. ${hosts}${waiting === '' ? '' : ` Waiting: ${waiting}.`}`,
  }
}
