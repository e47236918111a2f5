import { testSeeds } from './test-seeds.ts'

testSeeds(301, 300)
