import { errorFromData, errorToData, isVertigoError, type VertigoError } from '../../base/errors.ts'
import { clusterGuarantee } from '../../model/guarantee.ts'
import type { Arguments } from '../arguments.ts'
import type { Command } from '../command.ts'
import { loadInThread, type TypesResult } from '../load-in-thread.ts'
import { faultsReport } from '../report/error-report.ts'

export const validateCommand: Command = {
  spec: {
    name: 'validate',
    arguments: ['<network>'],
    about: [
      'Reads a network, loads its kinds, and reports every fault with its place and what to do. Nothing is run.',
      'A network that says nothing of its guarantee is exactly-once in a cluster, and at-most-once in a run of one process. Where a source can only be in the latter, that is told, and no fault.',
      'With --types, the types of messages, routing keys, constants and configurations are checked too, by the TypeScript compiler that is installed beside the network.',
      'With --json, standard output holds one object: `valid`, `network`, `types` and `faults`, each with `code`, `message`, `place` and `remedy`; `inCluster` has those for which only a cluster refuses the network.',
    ],
    options: {
      types: { about: 'Check the types as well.' },
      'stall-ms': {
        value: '<n>',
        about:
          'Time for which a module may block its thread while it is loaded, in milliseconds. Default 30000.',
      },
      json: { about: 'Print the result as JSON.' },
    },
    examples: [
      ['vertigo validate network.yaml', 'Names, ports, kinds, configuration.'],
      ['vertigo validate network.yaml --types', 'What leads where, by type.'],
    ],
  },
  run,
}

async function run(given: Arguments): Promise<number> {
  const file = given.positionals[0]!
  const asJson = given.flag('json')
  try {
    const request = { task: 'validate', file, types: given.flag('types') } as const
    const found = await loadInThread(request, given.wholeNumber('stall-ms', 1))
    const { name, types } = found
    const inCluster = found.inCluster.map(errorFromData).filter(isVertigoError)
    if (asJson)
      printJson({
        valid: true,
        network: name,
        types: types ?? 'not checked',
        faults: [],
        inCluster: inCluster.map(faultData),
      })
    else process.stdout.write(validText(name, types) + inClusterText(inCluster))
    return 0
  } catch (error) {
    if (!asJson || !isVertigoError(error)) throw error
    printJson({ valid: false, faults: faultsOf(error).map(faultData) })
    return error.exitCode
  }
}

function validText(name: string, types: TypesResult | undefined): string {
  const unchecked = (types?.unchecked ?? []).map((each) => `  not checked: ${each.name} (${each.why})\n`)
  return `network "${name}" is valid (${types?.summary ?? 'types not checked'})\n${unchecked.join('')}`
}

/** A run of one process has no use for what is missing, so it is no fault of the network. */
function inClusterText(faults: readonly VertigoError[]): string {
  if (faults.length === 0) return ''
  return `a cluster would refuse it: a network that says nothing of its guarantee is ${clusterGuarantee} there\n${faultsReport(faults)}`
}

function faultsOf(error: VertigoError): readonly VertigoError[] {
  return error.faults.length > 0 ? error.faults : [error]
}

function faultData(fault: VertigoError): object {
  const { code, message, place, remedy } = errorToData(fault)
  return { code, message, place, remedy }
}

function printJson(value: object): void {
  process.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`)
}
