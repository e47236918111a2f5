import { testNetworkSeeds } from './snapshots/test-seeds.ts'

testNetworkSeeds(1, 1200)
