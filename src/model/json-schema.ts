/** The part of JSON Schema (draft 2020-12) that the schema of networks uses, and that `shape.ts` checks. */
export interface Schema {
  readonly $schema?: string
  readonly $id?: string
  readonly $ref?: `#/$defs/${string}`
  readonly $defs?: { readonly [name: string]: Schema }
  readonly title?: string
  readonly description?: string
  readonly default?: unknown
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'boolean'
  readonly enum?: readonly string[]
  readonly pattern?: string
  readonly minLength?: number
  readonly maxLength?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly items?: Schema
  readonly properties?: { readonly [name: string]: Schema }
  readonly required?: readonly string[]
  readonly propertyNames?: Schema
  readonly additionalProperties?: false | Schema
  readonly anyOf?: readonly Schema[]
}
