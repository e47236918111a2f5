import { network } from 'vertigo-flow'
import { roundSink } from '../lib/round-sink.ts'
import { roundSource } from '../lib/remote-source.ts'
import { type Small, makeSmall } from '../lib/small-message.ts'

/** With two workers, the source is in one and the sink in the other. */
const net = network('small-messages')
const source = net.add('source', roundSource('small-messages', makeSmall))
const sink = net.add(
  'sink',
  roundSink<Small>('small-messages', ({ id }) => id),
)
net.connect(source.outputs.out, sink.inputs.in)
export default net
