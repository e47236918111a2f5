import { defineComponent, port } from 'vertigo-flow'
import type { Order } from './orders.ts'

export interface Refused {
  readonly id: number
  readonly reason: string
}

/** Two outputs: orders that can be filled, and those that cannot with the reason. */
export default defineComponent({
  inputs: { order: port<Order>() },
  outputs: { good: port<Order>(), refused: port<Refused>() },
  on: {
    order(order, { emit }) {
      if (order.quantity > 0) emit.good(order)
      else emit.refused({ id: order.id, reason: 'no quantity' })
    },
  },
})
