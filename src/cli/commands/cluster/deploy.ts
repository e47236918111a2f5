import { existsSync } from 'node:fs'
import type { ApiClient } from '../../../api/index.ts'
import { systemClock } from '../../../base/clock.ts'
import { type Bundle, bundleBytes, shortHash } from '../../../cluster/bundle/bundle.ts'
import { bareNetwork, type ComponentSource, type DeploymentSource } from '../../../cluster/client/index.ts'
import { guarantees } from '../../../model/guarantee.ts'
import type { Guarantee, Json } from '../../../model/network.ts'
import { type Arguments, usage } from '../../arguments.ts'
import { apiOptions, connect } from '../../cluster/connect.ts'
import { askWith, isNetworkFile, readDeployment, type ReadOptions } from '../../cluster/deployment.ts'
import { goOnFrom, goOnOptions, isFolder } from '../../cluster/go-on.ts'
import { tellWhileLate } from '../../cluster/hindrance.ts'
import { finishChange, waitOptions } from '../../cluster/wait.ts'
import type { Command } from '../../command.ts'
import { override, valueOf } from '../../override.ts'

export const deployCommand: Command = {
  spec: {
    name: 'deploy',
    arguments: ['[network]'],
    about: [
      'Deploys a network to the cluster, or a part of one to the network of its name that runs there: what the file names is added or replaced, the rest stays as it is. Components that the change does not concern keep running.',
      'The code is loaded and checked here. Nodes load it from the same paths, so every node needs the files and packages where they are here; with --bundle the code goes along, and they need nothing.',
      'A single component (--component, or a module whose default export is a component or a function) becomes a network of its own, whose ports are those of the component. A name in place of a file makes a network without components, for others to be deployed into.',
      'Relative paths in configurations are left as they are: on a node, they lead from the folder in which it was started.',
      'The exit code says whether the change was accepted; with --wait, whether it runs.',
    ],
    options: {
      replace: { about: 'The network is what the file says, from now on: what else runs in it goes.' },
      set: {
        value: '<path=value>',
        multiple: true,
        about: 'Replaces a value of the network: lines.config.path=other.txt. May be repeated.',
      },
      bundle: {
        about:
          'Sends the code along, with all packages that it imports, so that nodes need none of its files.',
      },
      external: {
        value: '<package>',
        multiple: true,
        about: 'With --bundle: leaves a package out, since nodes have it. May be repeated.',
      },
      component: {
        value: '<kind>',
        about: 'Deploys one component: a built-in kind, a file (`./add.ts`, `./math.ts#add`) or a package.',
      },
      name: { value: '<name>', about: 'Of that component. Default: the last word of its address.' },
      config: {
        value: '<field=value>',
        multiple: true,
        about: 'A field of the configuration of that component. May be repeated.',
      },
      instances: { value: '<n>', about: 'Copies of that component. Default 1.' },
      guarantee: {
        value: '<word>',
        about:
          'What the network of that component keeps when something fails, or one without components: exactly-once, at-least-once or at-most-once. Default: exactly-once, or as it is where it is there.',
      },
      group: { value: '<name>', about: 'Group of nodes for all components that name none.' },
      expected: {
        value: '<version>',
        about: 'Only if this is the current version (0: only if there is no such network).',
      },
      ...goOnOptions,
      ...waitOptions,
      ...apiOptions,
    },
    examples: [
      ['vertigo deploy network.yaml --wait', 'Deploy it, and see it run.'],
      ['vertigo deploy network.yaml --bundle', 'Deploy it to nodes that do not have its code.'],
      [
        'vertigo deploy --component ./add.ts --instances 4 --group edge',
        'Deploy one function, in four copies on the nodes of the group `edge`.',
      ],
      [
        'vertigo deploy network.yaml --from-snapshot before-upgrade --accept-duplicates',
        'Go back to a snapshot that was kept.',
      ],
      ['vertigo deploy more.yaml', 'Add the components and connections of more.yaml to its network.'],
    ],
  },
  run,
}

async function run(given: Arguments): Promise<number> {
  const expected = given.wholeNumber('expected', 0)
  const mode = given.flag('replace') ? ('replace' as const) : ('merge' as const)
  const source = sourceOf(given)
  const from = goOnFrom(given)
  const discardState = given.texts('discard-state')
  const options = readOptions(given)
  const client = await connect(given)
  if ('bare' in source) {
    refuseForBare(given, source.bare)
    const made = await client.deploy(bareNetwork(source.bare, guaranteeOf(given)), { bare: true, expected })
    if (!given.flag('json')) process.stderr.write(`${source.bare} has no components yet\n`)
    return finishChange(given, client, { ...made, goal: made })
  }
  const loaded = await readDeployment(source.read, options)
  await client.sendBundles(loaded.bundles, (bundle) => {
    if (!given.flag('json')) process.stderr.write(`${sentText(bundle)}\n`)
  })
  const { name, snapshot } = loaded.deployment.part
  const sent = from && {
    ...from,
    snapshot: await sentSnapshot(given, client, from.snapshot, { name, snapshot }),
  }
  const asked = askWith(loaded, (deployment) =>
    client.deploy(deployment, { mode, expected, from: sent, discardState }),
  )
  const made = await tellWhileLate(asked, place, systemClock, (line) => {
    if (!given.flag('json')) process.stderr.write(`${line}\n`)
  })
  return finishChange(given, client, { ...made, goal: made })
}

/** What the cluster looks for before it takes a network; all else takes no time. */
const place = 'the storage of the snapshots to answer: the cluster looks whether they have a place there'

type Source = { readonly bare: string } | { readonly read: DeploymentSource }

/** Options that say what a single component is like. */
const ofComponent = ['name', 'config', 'instances', 'guarantee'] as const

/** Errors: USAGE. */
function sourceOf(given: Arguments): Source {
  const [network] = given.positionals
  const component = given.text('component')
  if (component !== undefined) {
    if (network !== undefined)
      throw usage(`\`vertigo deploy\` takes a network or --component, not both: "${network}".`)
    return { read: componentOf(given, component) }
  }
  const extra = ofComponent.find((option) => given.flag(option))
  const isBare = network !== undefined && !isNetworkFile(network) && !existsSync(network)
  if (extra !== undefined && !(isBare && extra === 'guarantee'))
    throw usage(
      `--${extra} is for a single component: --component is missing.`,
      extra === 'name' || extra === 'guarantee'
        ? `The ${extra} of a network stands in its file.`
        : 'For a network, use --set.',
    )
  if (network === undefined) throw usage('`vertigo deploy` needs <network>, or --component <kind>.')
  return isBare ? { bare: network } : { read: network }
}

function componentOf(given: Arguments, component: string): ComponentSource {
  const name = given.text('name')
  const instances = given.wholeNumber('instances', 1)
  const config = configOf(given.texts('config'))
  const guarantee = guaranteeOf(given)
  return {
    component:
      /^[^#]*\.[cm]?[jt]s(#|$)/.test(component) && !/^(\.{0,2}\/|file:)/.test(component)
        ? `./${component}`
        : component,
    ...(name !== undefined && { name }),
    ...(config !== undefined && { config }),
    ...(instances !== undefined && { instances }),
    ...(guarantee !== undefined && { guarantee }),
  }
}

/** Errors: USAGE. */
function guaranteeOf(given: Arguments): Guarantee | undefined {
  const word = given.text('guarantee')
  const found = guarantees.find((one) => one === word)
  if (word !== undefined && found === undefined)
    throw usage(`There is no guarantee "${word}".`, `It is one of ${guarantees.join(', ')}.`)
  return found
}

/** `field=value`, as `--set` takes it. Errors: USAGE. */
function configOf(texts: readonly string[]): ComponentSource['config'] {
  if (texts.length === 0) return undefined
  const config: Record<string, Json> = {}
  for (const text of texts) {
    const equals = text.indexOf('=')
    const field = text.slice(0, Math.max(0, equals))
    if (!/^[A-Za-z_]\w*$/.test(field) || field === '__proto__')
      throw usage(`--config takes field=value, not "${text}".`)
    config[field] = valueOf(text.slice(equals + 1)) as Json
  }
  return config
}

/** Errors: USAGE. */
function readOptions(given: Arguments): ReadOptions {
  const external = given.texts('external')
  const isBundled = given.flag('bundle')
  if (external.length > 0 && !isBundled) throw usage('--external is for --bundle, which is missing.')
  return {
    set: given.texts('set').map(override),
    group: given.text('group'),
    bundle: isBundled ? { external } : undefined,
  }
}

/** Errors: USAGE. */
function refuseForBare(given: Arguments, name: string): void {
  const extra = ['bundle', 'set', 'group', 'replace', 'from-snapshot', 'discard-state'].find((option) =>
    given.flag(option),
  )
  if (extra !== undefined)
    throw usage(`There is no file "${name}", and a network without components has no use for --${extra}.`)
}

/** By which the cluster knows it: where it is a folder here, it is sent there. Errors: those of `sendExport`. */
async function sentSnapshot(
  given: Arguments,
  client: ApiClient,
  snapshot: string,
  network: { readonly name: string; readonly snapshot?: { readonly storage?: string } | undefined },
): Promise<string> {
  if (!isFolder(snapshot)) return snapshot
  const { sendExport } = await import('../../cluster/snapshot-export.ts')
  return sendExport(client, snapshot, {
    network: network.name,
    storage: network.snapshot?.storage,
    tell: (line) => {
      if (!given.flag('json')) process.stderr.write(`${line}\n`)
    },
  })
}

function sentText(bundle: Bundle): string {
  return `bundle ${shortHash(bundle.hash)}: ${Math.ceil(bundleBytes(bundle.manifest) / 1024)} KiB sent`
}
