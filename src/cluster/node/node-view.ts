import type { Revision } from '../../store/store.ts'
import type { ClusterListener, ClusterObserver } from '../client/index.ts'
import { type ClusterKeys, ClusterView } from '../protocol/index.ts'

/** Who follows the store: the agent of one life of the node. */
interface Follower {
  readonly view: ClusterView
  readonly revision: Revision
}

/** What a node sees of its cluster, from one of its lives to the next. Between two it is what was seen last. */
export class NodeView implements ClusterObserver {
  private follower: Follower
  private readonly listeners = new Set<ClusterListener>()

  constructor(keys: ClusterKeys) {
    this.follower = { view: new ClusterView(keys), revision: 0 }
  }

  get view(): ClusterView {
    return this.follower.view
  }

  get revision(): Revision {
    return this.follower.revision
  }

  subscribe(listener: ClusterListener): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  /** A new life begins to follow; until it has seen anything, what the one before saw is shown. */
  seen(follower: Follower, networks: ReadonlySet<string>): void {
    this.follower = follower
    for (const listener of this.listeners) listener(networks)
  }
}
