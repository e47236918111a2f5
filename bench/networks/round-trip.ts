import { defineComponent, defineSource, network, port } from 'vertigo-flow'
import { onGo } from '../lib/rounds.ts'
import { roundSink } from '../lib/round-sink.ts'
import { type Small, makeSmall } from '../lib/small-message.ts'

/**
 * One message at a time: from worker 1 to worker 2 and back. Source and sink are in the same thread and share this
 * module, by which the sink asks for the next message.
 */
let left = 0
let wake: ((result: 'more') => void) | undefined

const ping = defineSource({
  outputs: { out: port<Small>() },
  setup({ signal }) {
    let next = 0
    let isUnderWay = false
    const channel = onGo('round-trip', (count) => {
      next = 0
      left = count
      wake?.('more')
    })
    signal.addEventListener('abort', () => channel.close(), { once: true })
    return {
      poll(_max, { emit }) {
        if (left === 0 || isUnderWay) {
          isUnderWay = false
          return new Promise((resolve) => {
            wake = resolve
          })
        }
        isUnderWay = true
        emit.out(makeSmall(next++))
        return 'more'
      },
    }
  },
})

const net = network('round-trip')
const source = net.add('ping', ping)
const echo = net.add(
  'echo',
  defineComponent({
    inputs: { in: port<Small>() },
    outputs: { out: port<Small>() },
    on: {
      in(message, { emit }) {
        emit.out(message)
      },
    },
  }),
)
const sink = net.add(
  'pong',
  roundSink<Small>('round-trip', ({ id }) => {
    left--
    if (left > 0) wake?.('more')
    return id
  }),
)
net.connect(source.outputs.out, echo.inputs.in)
net.connect(echo.outputs.out, sink.inputs.in)
export default net
