/** What a manager tells of itself. */
export interface ManagerEvents {
  elected(): void
  deposed(): void
  /** Something was done for a network, in words. */
  decided(network: string, what: string): void
  /** Something went wrong that is tried again. */
  troubled(what: string, error: Error): void
}
