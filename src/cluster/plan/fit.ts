import type { NodePlace } from './board.ts'
import type { InventoryNode } from './facts.ts'
import type { ComponentShape } from './shape.ts'

/** Whether there are rules that do not depend on other instances: of many components there are none. */
export function hasRules({ group, labels }: ComponentShape): boolean {
  return group !== undefined || labels.length > 0
}

/** Whether the rules that do not depend on other instances allow the node. */
export function allowsNode(shape: ComponentShape, node: InventoryNode): boolean {
  return inGroup(shape, node) && hasLabels(shape, node)
}

/** Whether what is on the node already allows another copy. */
export function allowsBeside(shape: ComponentShape, place: NodePlace): boolean {
  if (shape.isSpread && place.copies(shape) > 0) return false
  return shape.apart.every((other) => place.copies(other) === 0)
}

function inGroup({ group }: ComponentShape, { groups }: InventoryNode): boolean {
  return group === undefined || groups.includes(group)
}

function hasLabels({ labels }: ComponentShape, node: InventoryNode): boolean {
  return labels.every(([label, value]) => Object.hasOwn(node.labels, label) && node.labels[label] === value)
}

/** Why no node fits: the first rule that leaves none, in a sentence that says what to do. */
export function whyNot(shape: ComponentShape, places: readonly NodePlace[]): string {
  if (places.length === 0) return 'There is no node: start one.'
  const { group, labels } = shape
  const grouped = places.filter(({ node }) => inGroup(shape, node))
  if (grouped.length === 0) return `No node is in the group "${group}": start one that is.`
  const labelled = grouped.filter(({ node }) => hasLabels(shape, node))
  if (labelled.length === 0) {
    const wanted = labels.map(([label, value]) => `${label}=${value}`).join(', ')
    const where = group === undefined ? '' : ` of the group "${group}"`
    return `No node${where} has ${labels.length === 1 ? 'the label' : 'the labels'} ${wanted}: start one that has.`
  }
  const staying = labelled.filter(({ node }) => !node.draining)
  if (staying.length === 0)
    return `Every node that fits is drained (${namesOf(labelled)}): add another, or end the drain of one.`
  const hosting = staying.filter(({ workersMax }) => workersMax > 0)
  if (hosting.length === 0)
    return `No node that fits hosts workers (${namesOf(staying)}): start one with workers.`
  const others = shape.apart.filter((other) => hosting.some((place) => place.copies(other) > 0))
  const hasNoCopy = hosting.filter((place) => !shape.isSpread || place.copies(shape) === 0)
  if (hasNoCopy.length === 0)
    return `Every node that fits has a copy already (${namesOf(hosting)}), and copies are spread: add a node, or take fewer copies.`
  return `Every node that fits runs what it is to be apart from (${others.map(({ name }) => name).join(', ')}): add a node.`
}

const namesMax = 5

function namesOf(places: readonly NodePlace[]): string {
  const names = places.slice(0, namesMax).map(({ node }) => node.id)
  return places.length <= namesMax
    ? names.join(', ')
    : `${names.join(', ')} and ${places.length - namesMax} more`
}
