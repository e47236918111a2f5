import { dialler, makeEnd, waiter } from './socket-pair.ts'
import { listenTcp } from '../../../src/transport/tcp/listen.ts'

/** A process that sends back every frame, and says what it hears of its link. */

const end = makeEnd(waiter, dialler, { limits: { linkLossMs: 600 } })
end.link.receive((frame) => end.link.send(frame))
const listener = await listenTcp({ handshakeMs: 2_000 }, (line) => end.endpoint.accepted(line))
process.send!(listener.port)
// Without its parent it has nothing to do.
process.on('disconnect', () => process.exit())
