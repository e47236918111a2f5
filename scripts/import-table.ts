/**
 * The one table of allowed imports: each folder of `src`, and the folders that it may import. Imports point down;
 * `scripts/check-imports.ts` keeps to this table in CI. A folder without a row fails, so that every new one is
 * thought about. The longest row that fits a file is the row that counts: `store/memory` is not `store`.
 */
export interface ImportTable {
  readonly rows: Readonly<Record<string, readonly string[] | 'everything'>>
  /**
   * Interfaces whose sub-folders are their backends. A backend may import what its interface may, and the interface;
   * nobody imports a backend except those who choose: `composers`.
   */
  readonly interfaces: readonly string[]
  /** Folders inside of an interface that are no backends, but stand on the interface; their rows say who imports them. */
  readonly layers?: readonly string[]
  /** Composition roots: the only ones that see backends. */
  readonly composers: readonly string[]
}

const foundation = ['model', 'base'] as const
const coordination = ['store', 'store/recipes', 'store/collections'] as const
const engine = ['messaging', 'journal', 'snapshot', 'state', ...coordination, 'transport', 'wire'] as const

export const importTable: ImportTable = {
  rows: {
    base: [],
    model: ['base'],
    component: [...foundation],

    // Built only on the author's interface, which proves it sufficient.
    operators: ['component', 'base'],
    connectors: ['component', 'base'],

    wire: ['base'],
    transport: ['wire', 'base'],
    store: ['base'],
    // See the interface, never a backend.
    'store/recipes': ['store', 'base'],
    // Keeps the promises of the author's interface, `context.shared`.
    'store/collections': ['store/recipes', 'store', 'component', 'base'],
    // What sources that cannot rewind have received, on the disk.
    journal: ['base'],
    state: ['wire', 'base'],
    // What instances have where nothing else was chosen.
    'state/memory': ['state', 'wire', 'base'],
    snapshot: ['state', 'wire', 'base'],
    // Moves messages between instances and does not know what an author writes.
    messaging: ['wire', 'transport', 'state', ...foundation],

    // Runs instances: the first place where the author's side and the engine's side meet.
    worker: ['component', 'state/memory', ...engine, ...foundation],
    // One network on one machine: load, place, host workers.
    run: ['worker', 'component', ...engine, ...foundation],

    // Stands alone: for the command that makes certificates.
    'cluster/certificates': ['base'],
    'cluster/protocol': [...coordination, ...foundation],
    'cluster/plan': ['cluster/protocol', ...foundation],
    'cluster/control': ['cluster/plan', 'cluster/protocol', 'snapshot', ...coordination, ...foundation],
    'cluster/agent': ['cluster/protocol', 'worker', 'component', ...engine, ...foundation],
    // Reads what it deploys where the code is, as a run does.
    'cluster/client': [
      'cluster/protocol',
      'run',
      'worker',
      'component',
      'snapshot',
      ...coordination,
      ...foundation,
    ],
    // Code that travels: made where the code is, and read by nodes.
    'cluster/bundle': [
      'cluster/client',
      'cluster/protocol',
      'worker',
      'component',
      ...coordination,
      ...foundation,
    ],
    // One process of a cluster: puts agent, control and API together.
    'cluster/node': [
      'api',
      'cluster/agent',
      'cluster/bundle',
      'cluster/client',
      'cluster/control',
      'cluster/plan',
      'cluster/protocol',
      'run',
      'worker',
      'component',
      ...engine,
      ...foundation,
    ],
    api: ['cluster/bundle', 'cluster/client', 'cluster/protocol', ...foundation],

    // A whole cluster in one thread.
    'testkit/cluster': [
      'cluster/agent',
      'cluster/client',
      'cluster/control',
      'cluster/node',
      'cluster/protocol',
      'run',
      'worker',
      'component',
      ...engine,
      ...foundation,
    ],
    testkit: [
      'testkit/cluster',
      'operators',
      'connectors',
      'cluster/client',
      'run',
      'worker',
      'component',
      ...engine,
      ...foundation,
    ],

    // The built-in kinds by name.
    'built-in-kinds.ts': ['operators', 'connectors', 'component', ...foundation],

    // The backends of stores, and of storages of snapshots, by their addresses.
    'stores.ts': ['store', 'snapshot', 'state', 'state/memory', 'base'],

    // For programs that are no components: the store with all that stands on it.
    'coordination.ts': ['stores.ts', ...coordination, 'component', 'base'],

    // For programs that are nodes, or reach a cluster.
    'cluster.ts': ['stores.ts', 'cluster/node', 'cluster/bundle', 'cluster/client', 'api', 'base'],

    // Where the parts are put together.
    'index.ts': [
      'stores.ts',
      'operators',
      'connectors',
      'run',
      'worker',
      'component',
      'cluster/client',
      'cluster/protocol',
      ...engine,
      ...foundation,
    ],
    cli: 'everything',
  },
  interfaces: ['store', 'state', 'transport', 'snapshot/storage'],
  layers: ['store/recipes', 'store/collections', 'state/memory'],
  composers: ['cli', 'cluster/node', 'index.ts', 'stores.ts', 'testkit', 'testkit/cluster'],
}
