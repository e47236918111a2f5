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
