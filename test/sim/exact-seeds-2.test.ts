import { testExactSeeds } from './snapshots/test-seeds.ts'

testExactSeeds(501, 500)
