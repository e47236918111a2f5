import type { ClientPortCommand, ClientPortLine, ClientPorts } from '../component/client-port.ts'
import type { ThreadReport } from './thread-protocol.ts'

/** In a worker's thread: the lines of its instances to their node, each by a number of its own. */
export class ThreadClientPorts implements ClientPorts {
  private readonly report: (report: ThreadReport) => void
  private readonly obeying = new Map<number, (command: ClientPortCommand) => void>()
  private lastPort = 0

  constructor(report: (report: ThreadReport) => void) {
    this.report = report
  }

  open(
    component: string,
    obey: (command: ClientPortCommand) => void,
    { isCommitted = false }: { readonly isCommitted?: boolean } = {},
  ): ClientPortLine {
    const port = ++this.lastPort
    this.obeying.set(port, obey)
    this.report({ type: 'client-port', port, report: { type: 'opened', component, isCommitted } })
    return {
      tell: (report) => this.report({ type: 'client-port', port, report }),
      close: () => {
        if (this.obeying.delete(port)) this.report({ type: 'client-port', port, report: { type: 'closed' } })
      },
    }
  }

  obey(port: number, command: ClientPortCommand): void {
    this.obeying.get(port)?.(command)
  }
}
