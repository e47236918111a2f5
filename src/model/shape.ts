import { didYouMean } from '../base/suggest.ts'
import type { VertigoError } from '../base/errors.ts'
import { isRecord } from '../base/values.ts'
import { faultsFoundMax, nestingMax } from './limits.ts'
import { fault, type Path, pathText, type Places } from './places.ts'
import type { Schema } from './json-schema.ts'
import { portReferencePattern } from './schema.ts'

/**
 * Compares a value with a schema. Gives every fault, each with its place and a sentence that says what to do; none
 * means that the value has the form that the schema describes. Fields whose value is `undefined` count as absent.
 */
export function checkShape(value: unknown, schema: Schema, places: Places): VertigoError[] {
  const check = new ShapeCheck(schema, places)
  check.value(value, schema, [])
  return check.faults
}

class ShapeCheck {
  readonly faults: VertigoError[] = []
  readonly #root: Schema
  readonly #places: Places

  constructor(root: Schema, places: Places) {
    this.#root = root
    this.#places = places
  }

  value(value: unknown, reference: Schema, path: Path): void {
    if (this.faults.length >= faultsFoundMax) return
    const schema = this.#resolve(reference)
    if (schema.anyOf !== undefined) this.#anyOf(value, schema.anyOf, path)
    else if (schema.type === undefined) this.#json(value, path, [])
    else if (schema.type === 'object') this.#object(value, schema, path)
    else if (schema.type === 'array') this.#array(value, schema, path)
    else if (schema.type === 'string') this.#string(value, schema, path)
    else if (schema.type === 'integer') this.#integer(value, schema, path)
    else if (typeof value !== 'boolean')
      this.#invalid(path, `${nameOf(path)} must be true or false, not ${show(value)}.`)
  }

  #resolve(schema: Schema): Schema {
    if (schema.$ref === undefined) return schema
    const target = this.#root.$defs![schema.$ref.slice('#/$defs/'.length)]!
    return schema.description === undefined ? target : { ...target, description: schema.description }
  }

  #object(value: unknown, schema: Schema, path: Path): void {
    if (!isRecord(value)) {
      const fields = Object.keys(schema.properties ?? {}).filter((name) => name !== '$schema')
      const remedy = fields.length === 0 ? undefined : `Give it these fields: ${fields.join(', ')}.`
      this.#invalid(path, `${nameOf(path)} must be a mapping of names to values, not ${show(value)}.`, remedy)
      return
    }
    const known = schema.properties ?? {}
    for (const [name, content] of Object.entries(value)) {
      if (content === undefined) continue
      if (this.faults.length >= faultsFoundMax) return
      const at = [...path, name]
      const field = Object.hasOwn(known, name) ? known[name] : undefined
      if (field !== undefined) this.value(content, field, at)
      else if (schema.additionalProperties === false) this.#unknownField(name, value, schema, path)
      else {
        const names = schema.propertyNames
        if (names !== undefined && !this.#name(name, this.#resolve(names), at)) continue
        if (names === undefined && name === '__proto__') this.#proto(at)
        else this.value(content, schema.additionalProperties ?? {}, at)
      }
    }
    for (const name of schema.required ?? []) {
      if (Object.hasOwn(value, name) && value[name] !== undefined) continue
      const what = this.#resolve(known[name]!).description ?? ''
      const message = `${nameOf(path)} has no field "${name}".`
      const remedy = `Add it. ${what}`
      this.faults.push(fault('FIELD_MISSING', message, this.#places, path, { remedy }))
    }
  }

  #unknownField(
    name: string,
    value: { readonly [field: string]: unknown },
    schema: Schema,
    path: Path,
  ): void {
    const fields = Object.keys(schema.properties ?? {}).filter((field) => field !== '$schema')
    const free = fields.filter((field) => !Object.hasOwn(value, field))
    const message = `${nameOf(path)} has an unknown field ${JSON.stringify(name)}.${didYouMean(name, free)}`
    const remedy = `Correct or remove it. Fields that it can have: ${fields.join(', ')}.`
    this.faults.push(fault('FIELD_UNKNOWN', message, this.#places, [...path, name], { at: 'key', remedy }))
  }

  #name(name: string, schema: Schema, path: Path): boolean {
    if (textFits(name, schema)) return true
    const limit = schema.maxLength === undefined ? '' : ` At most ${schema.maxLength} characters.`
    const message = `${show(name)} cannot be a name.`
    this.#invalid(path, message, `Use another. ${schema.description ?? ''}${limit}`, 'key')
    return false
  }

  #array(value: unknown, schema: Schema, path: Path): void {
    if (!Array.isArray(value)) {
      this.#invalid(path, `${nameOf(path)} must be a list, not ${show(value)}.`)
      return
    }
    value.forEach((item: unknown, index) => this.value(item, schema.items ?? {}, [...path, index]))
  }

  #string(value: unknown, schema: Schema, path: Path): void {
    if (schema.enum !== undefined) {
      this.#enum(value, schema.enum, path)
    } else if (typeof value !== 'string') {
      this.#invalid(path, `${nameOf(path)} must be text, not ${show(value)}.`, schema.description)
    } else if (value === '' && (schema.minLength ?? 0) > 0) {
      this.#invalid(path, `${nameOf(path)} must not be empty.`, schema.description)
    } else if (value.length > (schema.maxLength ?? Infinity)) {
      this.#invalid(path, `${nameOf(path)} must have at most ${schema.maxLength} characters.`)
    } else if (schema.pattern === portReferencePattern && !textFits(value, schema)) {
      const message = `${nameOf(path)} must have the form component.port, not ${show(value)}.`
      this.faults.push(fault('PORT_REFERENCE_INVALID', message, this.#places, path))
    } else if (!textFits(value, schema)) {
      this.#invalid(path, `${nameOf(path)} cannot be ${show(value)}.`, schema.description)
    }
  }

  #enum(value: unknown, allowed: readonly string[], path: Path, more = ''): void {
    if (typeof value === 'string' && allowed.includes(value)) return
    const near = typeof value === 'string' ? didYouMean(value, allowed) : ''
    const choices = allowed.length === 1 ? `"${allowed[0]}"` : `one of ${allowed.join(', ')}`
    this.#invalid(path, `${nameOf(path)} must be ${choices}${more}, not ${show(value)}.${near}`)
  }

  #integer(value: unknown, schema: Schema, path: Path): void {
    const { minimum = Number.MIN_SAFE_INTEGER, maximum = Number.MAX_SAFE_INTEGER } = schema
    if (Number.isSafeInteger(value) && (value as number) >= minimum && (value as number) <= maximum) return
    const range = `from ${minimum} to ${maximum}`
    this.#invalid(path, `${nameOf(path)} must be a whole number ${range}, not ${show(value)}.`)
  }

  /** The branches differ by the type of the value, and mappings by their field `type`: the fault is told of the branch that was meant. */
  #anyOf(value: unknown, branches: readonly Schema[], path: Path): void {
    const texts = branches.filter((branch) => branch.type === 'string').flatMap((branch) => branch.enum ?? [])
    const objects = branches.filter((branch) => branch.type === 'object')
    if (!isRecord(value)) {
      this.#enum(value, texts, path, ' or a mapping')
      return
    }
    if (objects.length === 1) {
      this.value(value, objects[0]!, path)
      return
    }
    const types = objects.flatMap((branch) => branch.properties?.type?.enum ?? [])
    const meant = objects.find((branch) => branch.properties?.type?.enum?.some((name) => name === value.type))
    if (meant !== undefined) this.value(value, meant, path)
    else if (value.type !== undefined) this.#enum(value.type, types, [...path, 'type'])
    else {
      const remedy = `Add it: one of ${types.join(', ')}.`
      const message = `${nameOf(path)} has no field "type".`
      this.faults.push(fault('FIELD_MISSING', message, this.#places, path, { remedy }))
    }
  }

  /** Any JSON value; a network built in code may hold others. */
  #json(value: unknown, path: Path, parents: readonly object[]): void {
    if (value === null || typeof value === 'string' || typeof value === 'boolean') return
    if (typeof value === 'number' && Number.isFinite(value)) return
    const message = `${nameOf(path)} must be a JSON value, not ${show(value)}.`
    const remedy = 'A network is data: use text, numbers, true, false, null, lists and mappings.'
    if (typeof value !== 'object' || !(Array.isArray(value) || isRecord(value))) {
      this.#invalid(path, message, remedy)
    } else if (parents.includes(value)) {
      this.#invalid(path, `${nameOf(path)} contains itself.`, remedy)
    } else if (parents.length > nestingMax) {
      this.#invalid(path, `${nameOf(path)} is nested deeper than ${nestingMax} levels.`)
    } else {
      const inside = [...parents, value]
      if (Array.isArray(value))
        value.forEach((item: unknown, index) => this.#json(item, [...path, index], inside))
      else
        for (const [name, item] of Object.entries(value)) {
          if (name === '__proto__') this.#proto([...path, name])
          else if (item !== undefined) this.#json(item, [...path, name], inside)
        }
    }
  }

  /** Written as JSON, no parser would take it. */
  #proto(path: Path): void {
    this.#invalid(path, 'A field cannot be called "__proto__".', 'Use another name.', 'key')
  }

  #invalid(path: Path, message: string, remedy?: string, at?: 'key'): void {
    this.faults.push(fault('FIELD_INVALID', message, this.#places, path, { remedy, at }))
  }
}

/** Patterns run on text of any length that a file can hold: they are linear. */
function textFits(text: string, schema: Schema): boolean {
  if (text.length > (schema.maxLength ?? Infinity)) return false
  return schema.pattern === undefined || new RegExp(schema.pattern, 'u').test(text)
}

function nameOf(path: Path): string {
  return path.length === 0 ? 'The network' : pathText(path)
}

/** A value, short enough for a sentence. */
function show(value: unknown): string {
  if (value === undefined) return 'absent'
  if (value === null) return 'empty'
  if (Array.isArray(value)) return 'a list'
  if (isRecord(value)) return 'a mapping'
  if (typeof value === 'string') return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}...` : value)
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  return typeof value === 'object'
    ? `an object of class ${value.constructor?.name ?? 'unknown'}`
    : `a ${typeof value}`
}
