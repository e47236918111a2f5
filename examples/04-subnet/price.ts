import type { Order } from './orders.ts'

export interface Priced {
  readonly id: number
  readonly country: string
  readonly totalCents: number
}

const taxPercent: Readonly<Record<string, number>> = { DE: 19, FR: 20, GB: 20 }

/** A function is a kind too: its ports are `in` and `out`. */
export default function price({ id, country, quantity, unitCents }: Order): Priced {
  const netCents = quantity * unitCents
  return { id, country, totalCents: netCents + Math.round((netCents * (taxPercent[country] ?? 0)) / 100) }
}
