import { testSeeds } from './test-seeds.ts'

testSeeds(601, 200)
