/** Tests of components, sources and networks on the real engine: published as `vertigo-flow/testkit`. */
export { testComponent } from './component-tester.ts'
export type { Received } from './collector.ts'
export type { NetworkTestOptions } from './network-bench.ts'
export { type NetworkTester, testNetwork } from './network-tester.ts'
export type {
  ComponentTestOptions,
  Failure,
  Inputs,
  InputSettings,
  Outputs,
  OutputSettings,
  Passing,
} from './options.ts'
export { simulateCluster } from './simulate-cluster.ts'
export type {
  ClusterFault,
  ClusterSimulationOptions,
  ObservedMessage,
  SimulatedNodeOptions,
  SimulatedRun,
  SimulatedRunSummary,
} from './cluster/simulation-options.ts'
export { type SourceTester, type SourceTestOptions, testSource } from './source-tester.ts'
export { TestClock } from './test-clock.ts'
export type { ComponentTester, Tester } from './testers.ts'
