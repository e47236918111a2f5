import { testSeeds } from './test-seeds.ts'

testSeeds(921, 80)
