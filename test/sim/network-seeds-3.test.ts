import { testNetworkSeeds } from './snapshots/test-seeds.ts'

testNetworkSeeds(2301, 800)
