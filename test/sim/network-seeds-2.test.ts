import { testNetworkSeeds } from './snapshots/test-seeds.ts'

testNetworkSeeds(1201, 1100)
