export interface Count {
  readonly word: string
  readonly count: number
}

/** Checks the results of counting words, round after round, where the counts live on. One for each contestant. */
export class Tally {
  readonly words: number = 0
  readonly #firstSum: number = 0
  /** What the sum of counts grows by from round to round. */
  readonly #growth: number
  #round = 0
  #seen = 0
  #sum = 0

  constructor(lines: readonly string[]) {
    const counts = new Map<string, number>()
    for (const word of lines.flatMap((line) => line.split(' '))) {
      if (word === '') continue
      const count = (counts.get(word.toUpperCase()) ?? 0) + 1
      counts.set(word.toUpperCase(), count)
      this.words++
      this.#firstSum += count
    }
    this.#growth = [...counts.values()].reduce((sum, count) => sum + count * count, 0)
  }

  see(result: Count): void {
    this.#seen++
    this.#sum += result.count
  }

  /** Gives the number of words; throws where results are missing or wrong. */
  finishRound(name: string): number {
    const expected = this.#firstSum + this.#round * this.#growth
    if (this.#seen !== this.words || this.#sum !== expected) {
      throw new Error(
        `${name}: ${this.#seen} words with counts of ${this.#sum} in all; there are ${this.words} with ${expected}`,
      )
    }
    this.#round++
    this.#seen = 0
    this.#sum = 0
    return this.words
  }
}
