/** Observers of a component or a connection: the default export of a module that the network names under `hooks`. */
export interface Hooks {
  /** Of a component: an instance begins. */
  readonly onStart?: (instance: HookedInstance) => void
  /** Of a component (any of its outputs) or of a connection: a message is sent. It must not be changed. */
  readonly onSend?: (message: unknown) => void
  /** Of a component (any of its inputs) or of a connection: a message is about to be handled. It must not be changed. */
  readonly onReceive?: (message: unknown) => void
  /** Of a component: an instance has been closed. */
  readonly onStop?: (instance: HookedInstance) => void
}

/** Which instance a hook observes. */
export interface HookedInstance {
  readonly component: string
  readonly instance: number
  readonly instances: number
}

export const hookNames: readonly (keyof Hooks)[] = ['onStart', 'onSend', 'onReceive', 'onStop']
