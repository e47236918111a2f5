import { testExactSeeds } from './snapshots/test-seeds.ts'

testExactSeeds(1, 500)
