import { VertigoError } from '../base/errors.ts'
import { isRecord } from '../base/values.ts'
import { applyToRow, type Entry } from './entries.ts'
import { newRow, type SlotDeclaration } from './row.ts'

/**
 * Rows of a snapshot as rows of what is declared now. States are found by their names: in files, they stand in the order in which they
 * were declared. Pure.
 *
 * - CV-1 A state that is declared anew begins with its initial value. One that is gone, or of another type, needs a migration: nothing is
 *   thrown away that nobody has said a word about.
 * - CV-2 What a migration gives is what is declared, or an error.
 */

/** A state by its name, as a snapshot has it. */
export interface NamedSlot {
  readonly name: string
  readonly type: 'value' | 'map' | 'list'
  readonly hasTtl: boolean
}

/** Values as they are, maps as `Map`, lists as arrays. */
type Content = { readonly [name: string]: unknown }

export interface StateOwner {
  readonly scope: 'keyed' | 'instance'
  readonly key: unknown
}

/** From one version to the next one, up or down. */
export type MigrationStep = (state: Content, of: StateOwner) => Content

export interface ConversionPlan {
  readonly scope: 'keyed' | 'instance'
  readonly place: string
  readonly from: readonly NamedSlot[]
  readonly to: readonly NamedSlot[]
  /** Of `to`. */
  readonly declared: readonly SlotDeclaration[]
  /** None: the version is the same. */
  readonly steps: readonly MigrationStep[]
}

export class Conversion {
  /** Rows can be taken as they are, and later increments stand on them. */
  readonly isNone: boolean
  private readonly plan: ConversionPlan
  private readonly before: readonly SlotDeclaration[]

  /** Errors: STATE_CHANGED. */
  constructor(plan: ConversionPlan) {
    this.plan = plan
    this.isNone = plan.steps.length === 0 && isSame(plan.from, plan.to)
    this.before = plan.from.map(({ type, hasTtl }) => ({
      type,
      initial: undefined,
      ttlMs: hasTtl ? 0 : undefined,
    }))
    if (plan.steps.length === 0) this.check()
  }

  /** What the entries of a key say one after the other, as one that says all of it. Errors: STATE_MIGRATION_FAILED. */
  converted(entries: readonly Entry[], nowMs: number): Entry {
    const { from, steps, scope } = this.plan
    const key = entries.at(-1)?.key
    const row = newRow(key, 0, this.before)
    for (const entry of entries) applyToRow(row, this.before, entry, nowMs)
    let content: Content = Object.fromEntries(
      from.map(({ name, type }, at) => [name, contentOf(type, row.slots[at])]),
    )
    for (const step of steps) content = this.stepped(step, content, { scope, key })
    return { key, changed: this.changed(row.changed, nowMs), slots: this.slots(content, key) }
  }

  private stepped(step: MigrationStep, content: Content, of: StateOwner): Content {
    let made: unknown
    try {
      made = step(content, of)
    } catch (error) {
      throw this.failed(of.key, `the migration threw: ${String(error)}`, error)
    }
    if (!isRecord(made)) throw this.failed(of.key, 'the migration gave no object with states by their names')
    return made
  }

  private slots(content: Content, key: unknown): unknown[] {
    const { to, declared } = this.plan
    const unknown = Object.keys(content).find((name) => !to.some((slot) => slot.name === name))
    if (unknown !== undefined)
      throw this.failed(key, `the migration gave "${unknown}", which is not declared`)
    return to.map(({ name, type }, at) => {
      const given = Object.hasOwn(content, name) ? content[name] : undefined
      if (type === 'value') return Object.hasOwn(content, name) ? given : declared[at]!.initial
      if (type === 'map' && (given === undefined || given instanceof Map)) return { all: given ?? new Map() }
      if (type === 'list' && (given === undefined || Array.isArray(given))) return { all: given ?? [] }
      throw this.failed(key, `"${name}" is declared as a ${type}, and the migration gave something else`)
    })
  }

  /** Of a state that had no time to live, or another name, nobody knows better than now. */
  private changed(before: readonly number[] | undefined, nowMs: number): readonly number[] | null {
    const { from, to, declared } = this.plan
    if (declared.every(({ ttlMs }) => ttlMs === undefined)) return null
    return to.map(({ name }) => before?.[from.findIndex((slot) => slot.name === name)] ?? nowMs)
  }

  private check(): void {
    const { from, to, place, scope } = this.plan
    for (const { name, type } of from) {
      const now = to.find((slot) => slot.name === name)
      if (now?.type === type) continue
      const what = now === undefined ? 'is not declared any more' : `is declared as a ${now.type} now`
      const whose = scope === 'keyed' ? 'keys' : 'the instance'
      throw new VertigoError(
        'STATE_CHANGED',
        `The snapshot has a ${type} "${name}" of ${whose} of ${place}, which ${what}, in the same version of the state.`,
        { place: { component: place } },
      )
    }
  }

  private failed(key: unknown, what: string, cause?: unknown): VertigoError {
    const { place, scope } = this.plan
    const whose = scope === 'keyed' ? `at the key ${JSON.stringify(key) ?? String(key)}` : 'of the instance'
    return new VertigoError(
      'STATE_MIGRATION_FAILED',
      `State of ${place} ${whose} cannot be migrated: ${what}.`,
      {
        cause,
        place: { component: place },
      },
    )
  }
}

function contentOf(type: NamedSlot['type'], slot: unknown): unknown {
  if (type === 'value') return slot
  return type === 'map'
    ? new Map(slot as ReadonlyMap<unknown, unknown> | undefined)
    : [...((slot as unknown[] | undefined) ?? [])]
}

function isSame(a: readonly NamedSlot[], b: readonly NamedSlot[]): boolean {
  if (a.length !== b.length || a.some(({ hasTtl }) => hasTtl) !== b.some(({ hasTtl }) => hasTtl)) return false
  return a.every(({ name, type }, at) => b[at]!.name === name && b[at]!.type === type)
}
