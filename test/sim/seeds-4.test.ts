import { testSeeds } from './test-seeds.ts'

testSeeds(751, 250)
