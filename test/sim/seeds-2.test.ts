import { testSeeds } from './test-seeds.ts'

testSeeds(251, 250)
