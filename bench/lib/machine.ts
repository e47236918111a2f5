import { availableParallelism, cpus, loadavg, totalmem } from 'node:os'

/** `2 cores (name of the processor), 24 GiB, Node 26.10.0, Linux x64`. */
export function describeMachine(): string {
  const model = cpus()[0]?.model.trim() ?? 'unknown processor'
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB of memory`
  const system = `${process.platform} ${process.arch}`
  return `${availableParallelism()} cores (${model}), ${memory}, Node ${process.versions.node}, ${system}`
}

/** The load when the run began, and what follows from it. */
export function loadWarning(): string {
  const [load = 0] = loadavg()
  const text = `load average at the start ${load.toFixed(1)}`
  return load > 1
    ? `${text}: WARNING, the machine was busy with something else; compare the ratios, do not quote the rates`
    : text
}
