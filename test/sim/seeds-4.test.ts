import { testSeeds } from './test-seeds.ts'

testSeeds(801, 120)
