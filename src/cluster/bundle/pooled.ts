/** Works on all of them, so many at a time. Rejects with the first error, when nothing is under way any more. */
export async function pooled<T>(
  items: readonly T[],
  atOnce: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const errors: unknown[] = []
  let next = 0
  const take = async (): Promise<void> => {
    while (next < items.length && errors.length === 0) {
      try {
        await work(items[next++]!)
      } catch (error) {
        errors.push(error)
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, take))
  if (errors.length > 0) throw errors[0]
}
