/**
 * The author's API. What builds networks (`builder.ts`) is not among it: threads that run components do not need it, nor what
 * it checks networks with.
 */
export { isNetworkBuilder } from './builder-types.ts'
export type {
  ComponentHandle,
  ErrorOutput,
  ImplicitOutputs,
  InputHandle,
  InputHandles,
  OutputHandle,
  OutputHandles,
  RejectedMessage,
  SubnetHandle,
} from './builder-handles.ts'
export type {
  AddOptions,
  AddressedOptions,
  BuiltNetwork,
  ComponentSettings,
  ConfigInput,
  ConnectOptions,
  ExportedInputs,
  ExportedOutputs,
  ExportedPorts,
  InlineFunction,
  JsonConfig,
  NetworkBuilder,
  NetworkOptions,
} from './builder-types.ts'
export { defineComponent, defineFunction, defineSource } from './define.ts'
export type {
  CommonOptions,
  ComponentOptions,
  ConfigOf,
  FunctionKind,
  ListedSplits,
  PollContext,
  PollResult,
  Sent,
  SourceEmit,
  SourceOptions,
  SourceOutput,
  SourcePosition,
  SourcePositions,
  SourceReader,
  SourceSetupContext,
  SplitsContext,
} from './define.ts'
export { builtInKind, isKind } from './kind.ts'
export type { Kind } from './kind.ts'
export { port } from './port.ts'
export type { MessageOf, Port, PortOptions, Ports } from './port.ts'
export { all, custom, fair, hash, random, roundRobin } from './selectors.ts'
export type { HashSelector, KeyCheck, SelectorFor, SelectorFunction, TypedSelector } from './selectors.ts'
export { compareSinkSnapshots } from './sink.ts'
export type { Sink, SinkBatch, SinkSnapshot } from './sink.ts'
export { list, map, value } from './state.ts'
export type {
  ListState,
  MapState,
  MigratedState,
  PartedStateOptions,
  StateDeclarations,
  StateMigration,
  StateOf,
  StateOptions,
  ValueState,
} from './state.ts'
export type { MetricCounter, MetricGauge, MetricHistogram, Metrics, MetricType } from './metrics.ts'
export type {
  DrainContext,
  Emit,
  GroupContext,
  InputControl,
  InputControls,
  InstanceContext,
  LogLevel,
  LogRecord,
  Logger,
  MessageContext,
  Output,
  OutputBatch,
  OutputGroup,
  SetupContext,
  Timers,
} from './context.ts'
export type {
  MapChange,
  QueueOptions,
  SharedBatch,
  SharedChange,
  SharedChanges,
  SharedCollections,
  SharedCounter,
  SharedHold,
  SharedList,
  SharedLock,
  SharedMap,
  SharedMultimap,
  SharedPutOptions,
  SharedQueue,
  SharedReadOptions,
  SharedSet,
  SharedTopic,
  SharedWatchOptions,
  SharedWrite,
  SubscribeOptions,
  TopicMessage,
  TopicOptions,
} from './shared.ts'
export type { ReplayOptions, TrackedOptions, TrackFailure, TrackHandlers, TrackOptions } from './tracking.ts'
export type { HookedInstance, Hooks } from './hooks.ts'
export type {
  BatchHandlers,
  BatchStart,
  Behaviour,
  GroupHandlers,
  HandlerResult,
  MessageHandlers,
} from './handlers.ts'
