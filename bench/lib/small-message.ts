export interface Small {
  readonly id: number
  readonly name: string
  readonly ok: boolean
}

export const makeSmall = (index: number): Small => ({ id: index, name: `user-${index & 1023}`, ok: true })

/** What the ids of `count` messages add up to. */
export const idSum = (count: number): number => (count * (count - 1)) / 2
