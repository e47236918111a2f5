import type { Clock } from '../../../base/clock.ts'
import type { ClientPortCommand, ClientPortReport } from '../../../component/client-port.ts'
import { clientPortName, type ClientPortSide } from '../../protocol/index.ts'
import { InputLine, moved } from './input-line.ts'
import { OutputLine } from './output-line.ts'

/** A line, as the worker of its instance sees it. */
export interface OpenedLine {
  receive(report: ClientPortReport): void
  /** The instance is gone, or its thread. Idempotent. */
  lost(): void
}

interface Lines {
  readonly input: InputLine
  readonly output: OutputLine
}

/** The lines to all instances behind exported ports on this node, by network. The newest of a port is the one that counts. */
export class PortLines {
  private readonly clock: Clock
  private readonly lines = new Map<string, Lines[ClientPortSide][]>()

  constructor(clock: Clock) {
    this.clock = clock
  }

  /** `isCommitted`: of an output whose readers get what is committed. */
  opened(
    network: string,
    component: string,
    tell: (command: ClientPortCommand) => void,
    isCommitted = false,
  ): OpenedLine {
    const key = keyOf(network, component)
    const isInput = component.startsWith(clientPortName('input', ''))
    const line = isInput ? new InputLine(tell, this.clock) : new OutputLine(tell, this.clock, isCommitted)
    this.lines.set(key, [...(this.lines.get(key) ?? []), line])
    return {
      receive: (report) => line.receive(report),
      lost: () => {
        const left = this.lines.get(key)?.filter((other) => other !== line) ?? []
        if (left.length === 0) this.lines.delete(key)
        else this.lines.set(key, left)
        line.lost()
      },
    }
  }

  /** Errors: PORT_MOVED. */
  find<S extends ClientPortSide>(network: string, side: S, port: string): Lines[S] {
    const found = this.lines.get(keyOf(network, clientPortName(side, port)))?.at(-1)
    if (found === undefined) throw moved()
    return found as Lines[S]
  }
}

function keyOf(network: string, component: string): string {
  return `${network} ${component}`
}
