import { defineComponent, fair, network, port } from 'vertigo-flow'
import { digestOf } from '../lib/digest.ts'
import { roundSource } from '../lib/remote-source.ts'
import { roundSink } from '../lib/round-sink.ts'

/** Two instances that hash 64 KiB for each message. One network for each number of workers, since rounds are told apart by their names. */
export function hashing(name: string) {
  const net = network(name)
  const hash = defineComponent({
    inputs: { in: port<number>() },
    outputs: { out: port<number>() },
    on: {
      in(id, { emit }) {
        emit.out(digestOf(id).length === 32 ? id : -1)
      },
    },
  })
  const source = net.add(
    'source',
    roundSource(name, (index) => index),
  )
  const hashes = net.add('hash', hash, { instances: 2 })
  const sink = net.add(
    'sink',
    roundSink<number>(name, (id) => id),
  )
  net.connect(source.outputs.out, hashes.inputs.in, { selector: fair() })
  net.connect(hashes.outputs.out, sink.inputs.in)
  return net
}
