import { asError, isVertigoError, VertigoError } from '../../base/errors.ts'
import type { InstanceAssignment, ModuleAddress, WorkerAssignment } from '../../worker/assignment.ts'
import { parseBundleAddress } from './address.ts'
import { addressField } from './addresses.ts'
import type { BundleFolder } from './bundle-folder.ts'
import { fileUrl } from './bundle-folder.ts'
import type { BundleStore } from './bundle-store.ts'
import { pooled } from './pooled.ts'
import { fetchesAtOnce } from './limits.ts'

/** Addresses of files in place of those of bundles, once these are here. */
export class Localizer {
  private readonly folder: BundleFolder
  private readonly store: BundleStore

  constructor(folder: BundleFolder, store: BundleStore) {
    this.folder = folder
    this.store = store
  }

  static isNeeded({ instances }: WorkerAssignment): boolean {
    return instances.some((one) => addressesOf(one).some((it) => parseBundleAddress(it) !== undefined))
  }

  /** Rejects with the error of the first instance whose code cannot be had; it names the instance. */
  async localize(assignment: WorkerAssignment): Promise<WorkerAssignment> {
    const needed = new Map<string, string>()
    for (const instance of assignment.instances)
      for (const address of addressesOf(instance)) {
        const bundle = parseBundleAddress(address)
        if (bundle !== undefined && !needed.has(bundle.hash))
          needed.set(bundle.hash, `${instance.component}[${instance.instance}]`)
      }
    if (needed.size === 0) return assignment
    const folders = new Map<string, string>()
    await pooled([...needed], fetchesAtOnce, async ([hash, component]) => {
      folders.set(hash, await this.ensure(hash, component))
    })
    const change = (address: string): string => {
      const bundle = parseBundleAddress(address)
      return bundle === undefined
        ? address
        : fileUrl(folders.get(bundle.hash)!, bundle.path) + bundle.fragment
    }
    return { ...assignment, instances: assignment.instances.map((instance) => changed(instance, change)) }
  }

  private async ensure(hash: string, component: string): Promise<string> {
    try {
      return await this.folder.ensure(hash, () => this.store.get(hash))
    } catch (error) {
      if (!isVertigoError(error)) throw asError(error)
      const { code, message, cause, remedy, place } = error
      throw new VertigoError(code, message, { cause, remedy, place: { ...place, component } })
    }
  }
}

function addressesOf(instance: InstanceAssignment): readonly string[] {
  const found: string[] = []
  changed(instance, (address) => {
    found.push(address)
    return address
  })
  return found
}

function changed(instance: InstanceAssignment, change: (address: string) => string): InstanceAssignment {
  const module = ({ address, base }: ModuleAddress): ModuleAddress => ({ address: change(address), base })
  const { config, restore: { writer } = {} } = instance
  const named = config[addressField]
  const isBundled = typeof named === 'string' && parseBundleAddress(named) !== undefined
  return {
    ...instance,
    kind: module(instance.kind),
    ...(writer !== undefined && { restore: { ...instance.restore!, writer: module(writer) } }),
    hooks: instance.hooks.map(module),
    config: isBundled ? { ...config, [addressField]: change(named) } : config,
    inputs: instance.inputs.map((input) => ({ ...input, hooks: input.hooks.map(module) })),
    outputs: instance.outputs.map((output) => ({
      ...output,
      hooks: output.hooks.map(module),
      selector:
        output.selector.type === 'custom'
          ? { type: 'custom', module: module(output.selector.module) }
          : output.selector,
    })),
  }
}
