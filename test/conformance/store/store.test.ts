import { describe, it } from 'node:test'
import { historyTests } from './histories.ts'
import { keyTests } from './keys.ts'
import { leaseTests } from './leases.ts'
import { modelTests } from './model.ts'
import { pageTests } from './pages.ts'
import { subjects, useOf } from './subjects.ts'
import { watchTests } from './watches.ts'

/** One suite for every backend of the store; the numbers ST-1 to ST-6 are those of `src/store/store.ts`. */
for (const subject of subjects) {
  describe(`the store: ${subject.name}`, () => {
    if (subject.missing !== undefined) {
      it('keeps what a store promises', { skip: subject.missing }, () => undefined)
      return
    }
    const use = useOf(subject)
    keyTests(use)
    modelTests(use, 60)
    pageTests(use)
    leaseTests(use)
    watchTests(use)
    historyTests(use, 600)
  })
}
