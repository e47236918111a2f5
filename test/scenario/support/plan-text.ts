import type { Plan } from '../../../src/cluster/protocol/index.ts'

/** A plan for readers: instances by node and worker, `component[copy]#id`. */
export function planText(plan: Plan): string {
  const lines = [`plan ${plan.generation} of version ${plan.version}`]
  const nodes = [...new Set(plan.workers.map(({ node }) => node))].toSorted()
  for (const node of nodes)
    for (const { worker, incarnation } of plan.workers.filter((one) => one.node === node)) {
      const instances = plan.instances.filter((one) => one.worker === worker)
      const texts = instances.map(({ component, index, id, draining, version }) => {
        const drains = draining ? ` (drains, version ${version})` : ''
        return `${component}[${index}]#${id}${drains}`
      })
      lines.push(`  ${incarnation} worker ${worker}: ${texts.join(', ')}`)
    }
  for (const { component, index, reason } of plan.waiting)
    lines.push(`  ${component}[${index}] waits: ${reason}`)
  for (const { component, index, node = 'a shared disk', files, life } of plan.homes ?? []) {
    const what = files === undefined ? `keeps what it has on ${node}` : `has its files on ${files} (${node})`
    lines.push(`  ${component}[${index}] ${what}, since ${life}`)
  }
  for (const { component, index } of plan.done) lines.push(`  ${component}[${index}] is done`)
  for (const { component, count, error } of plan.failures)
    lines.push(`  ${component} failed ${count === 1 ? 'once' : `${count} times`}: ${error.message}`)
  for (const { component, count, nodes } of plan.deaths ?? [])
    lines.push(
      `  ${component} was there when ${count === 1 ? 'a node' : `${count} nodes`} died: ${nodes.join(' ')}`,
    )
  return lines.join('\n')
}

/** The numbers of its connections. */
export function connectionsText({ connections }: Plan): string {
  return Object.entries(connections)
    .toSorted(([, a], [, b]) => a - b)
    .map(([key, number]) => `  ${number}: ${(JSON.parse(key) as unknown[]).slice(0, 3).join(' ')}`)
    .join('\n')
}
