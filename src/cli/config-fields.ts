/** Reads what a valibot schema says of the fields of a configuration, by its data alone. */

export interface ConfigField {
  readonly name: string
  /** As a reader understands it: `whole number`, `'text' | 'csv'`, `text[]`. */
  readonly type: string
  readonly required: boolean
  readonly default?: unknown
  readonly description?: string
}

/** What valibot's schemas and actions have in common, as far as it is read here. */
interface Item {
  readonly kind?: string
  readonly type?: string
  readonly entries?: Readonly<Record<string, Item>>
  readonly wrapped?: Item
  readonly item?: Item
  readonly key?: Item
  readonly value?: unknown
  readonly items?: readonly Item[]
  readonly options?: readonly unknown[]
  readonly literal?: unknown
  readonly requirement?: unknown
  readonly pipe?: readonly Item[]
  readonly default?: unknown
  readonly description?: string
}

const optionalTypes = new Set(['optional', 'nullish', 'exact_optional', 'undefinedable'])

/** The fields of a schema of an object; none for other schemas, and for those of other libraries. */
export function configFields(schema: unknown): ConfigField[] {
  const { entries } = (schema ?? {}) as Item
  return Object.entries(entries ?? {}).map(([name, item]) => field(name, item))
}

function field(name: string, item: Item): ConfigField {
  const inner = unwrapped(item)
  const isOptional = optionalTypes.has(item.type ?? '')
  const fallback = typeof item.default === 'function' ? undefined : item.default
  const description = descriptionOf(item) ?? descriptionOf(inner)
  return {
    name,
    type: typeText(inner),
    required: !isOptional,
    ...(fallback !== undefined && { default: fallback }),
    ...(description !== undefined && { description }),
  }
}

function unwrapped(item: Item): Item {
  return item.wrapped === undefined ? item : unwrapped(item.wrapped)
}

function descriptionOf({ pipe = [] }: Item): string | undefined {
  return pipe.find((action) => action.kind === 'metadata' && action.type === 'description')?.description
}

const names: Readonly<Record<string, string>> = {
  string: 'text',
  boolean: 'true or false',
  unknown: 'anything',
  any: 'anything',
  record: 'object',
  object: 'object',
  strict_object: 'object',
  loose_object: 'object',
}

function typeText(item: Item): string {
  const inner = unwrapped(item)
  switch (inner.type) {
    case 'number':
      return numberText(inner)
    case 'array':
      return `list of ${inner.item === undefined ? 'anything' : typeText(inner.item)}`
    case 'picklist':
    case 'enum':
      return (inner.options ?? []).map((option) => JSON.stringify(option)).join(' | ')
    case 'literal':
      return JSON.stringify(inner.literal)
    case 'union':
    case 'variant':
      return (inner.options ?? []).map((option) => typeText(option as Item)).join(' | ')
    default:
      return names[inner.type ?? ''] ?? inner.type ?? 'anything'
  }
}

function numberText({ pipe = [] }: Item): string {
  const bound = (type: string): number | undefined => {
    const requirement = pipe.find((action) => action.type === type)?.requirement
    return typeof requirement === 'number' ? requirement : undefined
  }
  const isWhole = pipe.some(({ type }) => type === 'integer' || type === 'safe_integer')
  const least = bound('min_value')
  const most = bound('max_value')
  const above = bound('gt_value')
  const limits = [
    least === undefined ? '' : `${least} or more`,
    above === undefined ? '' : `above ${above}`,
    most === undefined || most === Number.MAX_SAFE_INTEGER ? '' : `at most ${most}`,
  ].filter((limit) => limit !== '')
  return [isWhole ? 'whole number' : 'number', ...limits].join(', ')
}
