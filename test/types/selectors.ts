import { network } from '../../src/component/builder.ts'
import {
  all,
  custom,
  fair,
  hash,
  port,
  defineComponent,
  random,
  roundRobin,
} from '../../src/component/index.ts'

/** Compiled, never run: what must compile does, and each `@ts-expect-error` marks what must not. */

interface Tree {
  readonly id: string
  readonly parent: Tree
  readonly left?: Tree
  readonly children: readonly Tree[]
}
type Shape =
  | { readonly type: 'circle'; readonly at: { readonly x: number }; readonly radius: number }
  | {
      readonly type: 'square'
      readonly at: { readonly x: number; readonly y: number }
      readonly side: number
    }
interface Order {
  readonly user: { readonly id: string; readonly address?: { readonly city: string | null } } | null
  readonly at: Date
  readonly pair: readonly [string, number]
  readonly total: number
  readonly note?: string
  cancel(): void
}

const net = network('selectors')
const sink = net.add('sink', defineComponent({ inputs: { in: port() } }))
const tree = net.add('tree', (id: string): Tree => ({ id }) as Tree)
const shape = net.add('shape', (_line: string): Shape => ({ type: 'circle', at: { x: 1 }, radius: 1 }))
const order = net.add('order', (_line: string): Order => ({}) as Order)
const text = net.add('text', (line: string) => line)
const open = net.add('open', (line: string): Record<string, unknown> => ({ line }))
const unknowns = net.add('unknown', (line: string): unknown => line)
const perhaps = net.add('perhaps', (line: string): { id: string } | string => line)
const to = sink.inputs.in

net.connect(text.outputs.out, to, { selector: roundRobin() })
net.connect(text.outputs.out, to, { selector: random() })
net.connect(text.outputs.out, to, { selector: fair(), back: true })
net.connect(text.outputs.out, to, { selector: all(), hooks: { send: ['./hook.ts'] } })
net.connect(text.outputs.out, to, { selector: hash() })
// @ts-expect-error selectors are made, not named
net.connect(text.outputs.out, to, { selector: 'hash' })
// @ts-expect-error a string has no fields to go by
net.connect(text.outputs.out, to, { selector: hash('id') })
// @ts-expect-error not even its length
net.connect(text.outputs.out, to, { selector: hash('length') })

// Paths, through what is optional.
net.connect(order.outputs.out, to, { selector: hash('user.id') })
net.connect(order.outputs.out, to, { selector: hash('user.address.city') })
net.connect(order.outputs.out, to, { selector: hash('at') })
net.connect(order.outputs.out, to, { selector: hash('note') })
net.connect(order.outputs.out, to, { selector: hash('pair.0') })
// @ts-expect-error no such field
net.connect(order.outputs.out, to, { selector: hash('users.id') })
// @ts-expect-error no such field
net.connect(order.outputs.out, to, { selector: hash('user.name') })
// @ts-expect-error a number has no fields
net.connect(order.outputs.out, to, { selector: hash('total.cents') })
// @ts-expect-error no such field
net.connect(order.outputs.out, to, { selector: hash('user.address.town') })

// Recursive types, at any depth.
net.connect(tree.outputs.out, to, { selector: hash('parent.parent.left.parent.parent.parent.left.id') })
// @ts-expect-error no such field, however deep
net.connect(tree.outputs.out, to, { selector: hash('parent.parent.left.parent.parent.parent.left.name') })

// Lists by number, not by anything else.
net.connect(tree.outputs.out, to, { selector: hash('children.0.children.1.id') })
// @ts-expect-error no such field of the items
net.connect(tree.outputs.out, to, { selector: hash('children.0.name') })
// @ts-expect-error methods are no keys
net.connect(order.outputs.out, to, { selector: hash('cancel') })
// @ts-expect-error nor those of dates
net.connect(order.outputs.out, to, { selector: hash('at.getTime') })

// Unions: every member must have it.
net.connect(shape.outputs.out, to, { selector: hash('type') })
net.connect(shape.outputs.out, to, { selector: hash('at.x') })
// @ts-expect-error a square has no radius
net.connect(shape.outputs.out, to, { selector: hash('radius') })
// @ts-expect-error circles have no y
net.connect(shape.outputs.out, to, { selector: hash('at.y') })
// @ts-expect-error a string has no id
net.connect(perhaps.outputs.out, to, { selector: hash('id') })

// Types that allow any field have every key; unknown has none.
net.connect(open.outputs.out, to, { selector: hash('line') })
net.connect(open.outputs.out, to, { selector: hash('line.id') })
// @ts-expect-error nothing is known of it
net.connect(unknowns.outputs.out, to, { selector: hash('line') })
net.connect(unknowns.outputs.out, to, { selector: hash() })

// A key that is only known at run time cannot be checked.
declare const key: string
// @ts-expect-error any text
net.connect(order.outputs.out, to, { selector: hash(key) })

// Custom selectors see the message's type.
net.connect(order.outputs.out, to, { selector: custom((message, targets) => message.total % targets) })
net.connect(order.outputs.out, to, { selector: custom((_message, targets) => [0, targets - 1]) })
const byTotal = custom((message: { readonly total: number }, targets) => message.total % targets)
net.connect(order.outputs.out, to, { selector: byTotal })
// @ts-expect-error a string has no total
net.connect(text.outputs.out, to, { selector: byTotal })
// @ts-expect-error it gives the number of a target
net.connect(text.outputs.out, to, { selector: custom((message: string) => message) })
// @ts-expect-error no such field
net.connect(order.outputs.out, to, { selector: custom((message, targets) => message.sum % targets) })
