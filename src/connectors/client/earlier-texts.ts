import { fieldOf } from './awaited.ts'

/** Of a field: where in the texts it has which value, as JSON. */
interface Places {
  /** So many texts were looked at. */
  known: number
  readonly byValue: Map<string, number[]>
}

/**
 * Finds answers in texts that came before they were asked for.
 *
 * After a port has moved, all who await something come back at once. So a text is parsed once for each field that they await, not once for
 * each of them; what was found is forgotten with the array of the texts. Texts may be added to that, and nothing else may change.
 */
export class EarlierTexts {
  private readonly known = new WeakMap<readonly string[], Map<string, Places>>()

  /** The first text from number `from` on whose field has the value, as JSON. */
  first(
    texts: readonly string[],
    from: number,
    { field, value }: { readonly field: string; readonly value: string },
  ): string | undefined {
    const at = this.places(texts, field)
      .byValue.get(value)
      ?.find((place) => place >= from)
    return at === undefined ? undefined : texts[at]
  }

  private places(texts: readonly string[], field: string): Places {
    const fields = this.known.get(texts) ?? new Map<string, Places>()
    const places = fields.get(field) ?? { known: 0, byValue: new Map<string, number[]>() }
    this.known.set(texts, fields.set(field, places))
    for (; places.known < texts.length; places.known++) {
      const value = fieldOf(texts[places.known]!, field)
      if (value === undefined) continue
      const found = places.byValue.get(value)
      if (found === undefined) places.byValue.set(value, [places.known])
      else found.push(places.known)
    }
    return places
  }
}
