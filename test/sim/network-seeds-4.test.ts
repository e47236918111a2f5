import { testNetworkSeeds } from './snapshots/test-seeds.ts'

testNetworkSeeds(3101, 400)
