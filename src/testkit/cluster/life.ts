/** One life of an instance, as whoever looks on knows it. */
export interface WatchedLife {
  readonly id: number
  readonly network: string
  readonly component: string
  readonly index: number
  /** `lost`: it came to a violent end, which excuses what is missing. */
  state: 'lives' | 'finished' | 'cut off' | 'lost'
  endedBecause: string
}

export function nameOf({ network, component, index, id, state, endedBecause }: WatchedLife): string {
  const end = state === 'lives' ? '' : ` (${state}${endedBecause === '' ? '' : `: ${endedBecause}`})`
  return `${network}/${component}[${index}]#${id}${end}`
}

export function isExcused({ state }: WatchedLife): boolean {
  return state === 'lost'
}
