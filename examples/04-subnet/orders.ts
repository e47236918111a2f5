import * as v from 'valibot'
import { defineSource, port } from 'vertigo-flow'

export interface Order {
  readonly id: number
  readonly country: string
  readonly quantity: number
  readonly unitCents: number
}

const countries = ['DE', 'FR', 'GB', 'US']

/** Made-up orders; the same ones each time. Every seventh has no quantity. */
export default defineSource({
  outputs: { order: port<Order>() },
  config: v.strictObject({ count: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0)), 1000) }),
  *read({ config: { count } }) {
    for (let id = 1; id <= count; id++) yield makeOrder(id)
  },
})

function makeOrder(id: number): Order {
  return {
    id,
    country: countries[id % countries.length]!,
    quantity: id % 7 === 0 ? 0 : 1 + (id % 5),
    unitCents: 199 + ((id * 37) % 1000),
  }
}
