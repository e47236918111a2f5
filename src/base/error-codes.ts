/**
 * Every error code, in one place. `docs/reference/errors.md` is generated from this table.
 *
 * Exit codes of the command line: 0 success, 1 the network failed while it ran or a change of it was not carried out, 2 wrong use of the command,
 * 3 the network or one of its components cannot be loaded or is not valid, 4 a file or stream could not be
 * read or written, 70 a fault of Vertigo itself, 130 ended by Ctrl-C.
 */
export interface ErrorCodeInfo {
  /** One line: what it means. */
  readonly title: string
  /** What to do about it. */
  readonly remedy: string
  readonly exit: 1 | 2 | 3 | 4 | 70 | 130
  /** Whether trying the same again may succeed. Default false. */
  readonly retryable?: boolean
}

function codes<const T extends Record<string, ErrorCodeInfo>>(
  table: T,
): { readonly [K in keyof T]: ErrorCodeInfo } {
  return table
}

export const errorCodes = codes({
  // Networks as data
  NETWORK_NOT_FOUND: {
    title: 'The file of the network does not exist or cannot be read.',
    remedy: 'Check the path; `vertigo new <folder>` makes a project with a network in it.',
    exit: 3,
  },
  NETWORK_SYNTAX: {
    title: 'The file of the network cannot be parsed.',
    remedy: 'Mend the file at the line and column given.',
    exit: 3,
  },
  NETWORK_INVALID: {
    title: 'The network has faults.',
    remedy: 'Mend every fault listed; each says where it is and what to do.',
    exit: 3,
  },
  NETWORK_EMPTY: {
    title: 'The network has no components, so there is nothing to run.',
    remedy: 'Add a component under `components`: `lines: { kind: file-lines, config: { path: input.txt } }`.',
    exit: 3,
  },
  NETWORK_TOO_LARGE: {
    title: 'The network has more components than Vertigo runs, with those of all the networks in it.',
    remedy: 'Use fewer networks inside each other, or `instances` for copies of one component.',
    exit: 3,
  },
  FIELD_UNKNOWN: {
    title: 'A field of the network is not one that Vertigo knows.',
    remedy: 'Correct the name of the field, or remove it.',
    exit: 3,
  },
  FIELD_MISSING: {
    title: 'A required field of the network is missing.',
    remedy: 'Add the field that the message names.',
    exit: 3,
  },
  FIELD_INVALID: {
    title: 'A field of the network has a value that does not fit.',
    remedy: 'Change the value to what the message asks for.',
    exit: 3,
  },
  KEY_DUPLICATE: {
    title: 'A name stands twice in the same mapping, such as two components of one name.',
    remedy: 'Rename or remove one of them.',
    exit: 3,
  },
  COMPONENT_UNKNOWN: {
    title: 'A port reference names a component that the network does not have.',
    remedy: 'Correct the name, or add the component under `components`.',
    exit: 3,
  },
  PORT_UNKNOWN: {
    title: 'A port reference names a port that the component does not have.',
    remedy: 'Use one of the ports that the message lists.',
    exit: 3,
  },
  PORT_REFERENCE_INVALID: {
    title: 'A port reference has not the form `component.port`.',
    remedy: 'Write the name of the component, a dot, and the name of the port: `split.word`.',
    exit: 3,
  },
  CONNECTION_DUPLICATE: {
    title: 'Two connections lead from the same output to the same input.',
    remedy: 'Remove one of them; each message would arrive twice.',
    exit: 3,
  },
  CYCLE_UNDECLARED: {
    title: 'Connections form a cycle, and none of them is declared to close it.',
    remedy: 'Add `back: true` to the connection that closes the cycle, or remove that connection.',
    exit: 3,
  },
  BACK_WITHOUT_CYCLE: {
    title: 'A connection is declared to close a cycle, but closes none.',
    remedy: 'Remove `back: true`.',
    exit: 3,
  },
  STATE_NEEDS_HASH: {
    title: 'A component with keyed state has an input that is not routed by key.',
    remedy: 'Set `selector: hash`, or `selector: { type: hash, key: <path> }`, on the connection.',
    exit: 3,
  },
  STATE_NEEDS_TURNS: {
    title: 'Messages that are handled at the same time share state that a failure would take back.',
    remedy:
      'Set `concurrency: 1` for the component, key the state, or let errors fail the run (`errors: fail`).',
    exit: 3,
  },
  SOURCE_HAS_INPUT: {
    title: 'Something leads into a source, which has no inputs.',
    remedy: 'Remove the connection, or use a kind that is no source.',
    exit: 3,
  },
  SOURCE_CANNOT_REWIND: {
    title:
      'An exactly-once network has a source that can neither start again from a position nor have a journal.',
    remedy:
      'Let the source declare positions (`rewinds`), let it have a journal (take `journal: false` away), or say `guarantee: at-most-once`; for one that tracks what it sends, also `at-least-once`.',
    exit: 3,
  },
  INPUT_UNCONNECTED: {
    title: 'A component has inputs, but nothing leads into any of them: it would never run.',
    remedy: 'Connect something to one of its inputs, or remove the component.',
    exit: 3,
  },
  SUBNET_RECURSIVE: {
    title: 'A network contains itself.',
    remedy: 'Remove the component that leads back to the network it is in.',
    exit: 3,
  },
  SUBNET_DEPTH: {
    title: 'Networks are inside each other too deep.',
    remedy: 'Use fewer levels: move the components of the innermost networks into those around them.',
    exit: 3,
  },
  SUBNET_OPTION: {
    title: 'A component that is a network has an option that only single components can have.',
    remedy: 'Move the option to the components inside the network.',
    exit: 3,
  },
  // Networks built in code
  HANDLE_INVALID: {
    title: 'Something that is not a port of the right direction was connected, exported or sent to.',
    remedy: 'Use what `add` returns: `lines.outputs.out` leads to `split.inputs.line`.',
    exit: 3,
  },
  HANDLE_FOREIGN: {
    title: 'A port of one network was used in another.',
    remedy: 'Add the component to the network that connects it, or add the one network to the other.',
    exit: 3,
  },
  NETWORK_IN_USE: {
    title: 'A network was changed after it had been used.',
    remedy: 'Add, connect and export before the network is run, printed or added to another network.',
    exit: 3,
  },
  FBP_UNSUPPORTED: {
    title: 'An FBP graph uses something that Vertigo has no counterpart for.',
    remedy: 'Write the graph without it, as the message says.',
    exit: 3,
  },
  CHANGE_CONFLICT: {
    title: 'A change does not fit the network that it should be applied to.',
    remedy: 'Make the change again from the network as it is now.',
    exit: 3,
  },
  // Kinds
  KIND_UNKNOWN: {
    title: 'No kind of this name exists.',
    remedy:
      'Use a built-in kind (`vertigo kinds` lists them), a path that begins with `./`, or a package export.',
    exit: 3,
  },
  KIND_LOAD_FAILED: {
    title: 'The module of a kind failed while it was loaded.',
    remedy: 'Mend the module at the place given in the stack.',
    exit: 3,
  },
  KIND_NOT_FOUND: {
    title: 'The file that an address names does not exist.',
    remedy: 'Correct the path; it is relative to the file that it is written in.',
    exit: 3,
  },
  KIND_LOAD_TIMEOUT: {
    title: 'A module did not finish loading in time.',
    remedy: 'Let the module await nothing outside its functions that may never come; connect in `setup`.',
    exit: 3,
  },
  EXPORT_MISSING: {
    title: 'A module does not export what is asked of it.',
    remedy: 'Export it, or name one of the exports that the message lists: `./rules.ts#isError`.',
    exit: 3,
  },
  // Modules that Node cannot load as they are
  MODULE_SYNTAX: {
    title: 'A module is not valid JavaScript or TypeScript.',
    remedy: 'Mend the module at the line and column given.',
    exit: 3,
  },
  TS_ENUM: {
    title: 'A module declares an enum, which is more than a type and cannot be stripped.',
    remedy:
      'Use a union of strings, or an object with `as const`; else bundle the module to JavaScript and name that file.',
    exit: 3,
  },
  TS_NAMESPACE: {
    title: 'A module declares a namespace with code in it, which cannot be stripped.',
    remedy:
      'Move its content to a module of its own, and import that; else bundle the module to JavaScript and name that file.',
    exit: 3,
  },
  TS_PARAMETER_PROPERTY: {
    title: 'A constructor declares a field among its parameters, which cannot be stripped.',
    remedy:
      'Declare the field in the class, and assign it in the constructor; else bundle the module to JavaScript and name that file.',
    exit: 3,
  },
  TS_DECORATOR: {
    title: 'A module uses decorators or `accessor`, which JavaScript does not have yet.',
    remedy:
      'Call the function instead: `logged(count)`; else bundle the module to JavaScript and name that file.',
    exit: 3,
  },
  TS_IMPORT_EQUALS: {
    title: 'A module uses `import x = ...` or `export =`, which cannot be stripped.',
    remedy: 'Use `import x from`, `import * as x from` or `export default`.',
    exit: 3,
  },
  TS_SYNTAX_UNSUPPORTED: {
    title: 'A module uses TypeScript syntax that cannot be stripped.',
    remedy: 'Write it as the message says; `erasableSyntaxOnly` in tsconfig.json lets the compiler find it.',
    exit: 3,
  },
  TS_JSX: {
    title: 'A module holds JSX, which is not JavaScript.',
    remedy: 'Call the function that JSX stands for, or bundle the module to JavaScript and name that file.',
    exit: 3,
  },
  TS_TYPE_IMPORT: {
    title: 'A type is imported as if it were a value.',
    remedy: 'Write `import type`, or `type` before the name; `verbatimModuleSyntax` finds these.',
    exit: 3,
  },
  TS_PATHS_ALIAS: {
    title: 'An import goes through `paths` or `baseUrl` of tsconfig.json, which only the compiler knows.',
    remedy: 'Import by relative path, or declare the alias under `imports` of package.json: `#lib/*`.',
    exit: 3,
  },
  TS_IN_NODE_MODULES: {
    title: 'A package ships TypeScript, which Node does not load from node_modules.',
    remedy: 'Use a version of the package that ships JavaScript, or bundle the module that imports it.',
    exit: 3,
  },
  IMPORT_EXTENSION_MISSING: {
    title: 'An import path has no extension.',
    remedy: "Write the whole name of the file: `import { split } from './split.ts'`.",
    exit: 3,
  },
  IMPORT_EXTENSION_WRONG: {
    title: 'An import path ends in `.js`, but the file is TypeScript.',
    remedy: "Write the name that the file has: `import { split } from './split.ts'`.",
    exit: 3,
  },
  IMPORT_NOT_FOUND: {
    title: 'A module imports a file that does not exist.',
    remedy: 'Correct the path of the import.',
    exit: 3,
  },
  IMPORT_UNSUPPORTED: {
    title: 'A module imports a file that Node does not load as a module.',
    remedy: "For JSON, write `import data from './data.json' with { type: 'json' }`; read other files.",
    exit: 3,
  },
  PACKAGE_NOT_FOUND: {
    title: 'A module imports a package, or a part of one, that cannot be found.',
    remedy: 'Install the package beside the module, or correct its name.',
    exit: 3,
  },
  KIND_INVALID: {
    title: 'A value was used as a kind but is none, or the kind makes no sense.',
    remedy:
      'Use what `defineComponent`, `defineSource` or `defineFunction` returns, a function, or a network. A source needs an output.',
    exit: 3,
  },
  CONFIG_INVALID: {
    title: 'The configuration of a component is not what its kind declares.',
    remedy: 'Change the field named in the message.',
    exit: 3,
  },
  TARGET_SHARED: {
    title: 'Two components, or two instances of one, write to the same file.',
    remedy: 'Give each a path of its own, or connect both to one sink.',
    exit: 3,
  },
  TARGET_IN_USE: {
    title: 'Another run, or another network, writes to the same file.',
    remedy:
      'Wait for the other run, end it, or write to another file: `--set result.config.path=other.txt`. A network that has lost its file to another one has it again when that one is undeployed and it is deployed afresh.',
    exit: 4,
    retryable: true,
  },
  // Types
  TYPESCRIPT_MISSING: {
    title: 'Types cannot be checked, since no TypeScript compiler is installed.',
    remedy: 'Install one beside the network: `npm install --save-dev typescript`.',
    exit: 3,
  },
  TYPESCRIPT_FAILED: {
    title: 'The TypeScript compiler did not do its work.',
    remedy:
      'Run `npx tsc --version` and `npx tsc --noEmit` in the folder of the network, and mend what they report.',
    exit: 3,
  },
  TYPE_MISMATCH: {
    title: 'The types of a connection, a selector, a configuration or a constant do not fit.',
    remedy: 'Connect ports of the same type, or put a component between them that converts.',
    exit: 3,
  },
  TYPE_ERROR: {
    title: 'The TypeScript compiler reports an error in a module of the network.',
    remedy: 'Mend the module at the line and column given.',
    exit: 3,
  },
  // Running
  COMPONENT_FAILED: {
    title: 'A handler of a component failed.',
    remedy:
      'Mend the component, or give it an error policy (`errors: reject`, or `errors: { retry: { times: 3 } }`).',
    exit: 1,
  },
  STOPPED: {
    title: 'The run was stopped.',
    remedy: 'Nothing to do: somebody stopped it.',
    exit: 130,
  },
  TIMER_UNKNOWN: {
    title: 'A timer was set that has no handler.',
    remedy: 'Declare the handler under `timers`, by the same name.',
    exit: 1,
  },
  SOURCE_MISUSED: {
    title: 'A source does not do what sources do.',
    remedy: 'Give `read`, or a `setup` that returns `poll`; `poll` returns "more" or "done".',
    exit: 1,
  },
  SOURCE_MESSAGE_INVALID: {
    title: 'What a source has read is not in the format that its configuration names.',
    remedy: 'Read it as `text` or `bytes`, and let a component decide what to do with such messages.',
    exit: 4,
  },
  TRACKED_FAILED: {
    title: 'A message was sent again as often as it may be, and a handler failed each time.',
    remedy: 'Mend what the error names, and send the message again; it stands in the dead letters.',
    exit: 1,
  },
  TRACKED_TIMED_OUT: {
    title: 'A message was sent again as often as it may be, and was not complete in its time.',
    remedy:
      'See which component is slow or was lost, set a longer `track.timeoutMs`, and send the message again; it stands in the dead letters.',
    exit: 1,
  },
  SOURCE_POSITION_LOST: {
    title: 'A source cannot go on where it was: what stood there is no more, or is something else.',
    remedy:
      'Bring back what the source read (the message says what), or let it begin anew: `vertigo deploy --discard-state <component>`.',
    exit: 1,
  },
  PORT_NOT_READ: {
    title: 'A port is connected, but its component does not handle it.',
    remedy: 'Add a handler for the port, or remove the connection.',
    exit: 3,
  },
  SETUP_TIMEOUT: {
    title: 'A component took too long to be set up.',
    remedy:
      'See what its `setup` waits for (a server that does not answer?), or raise the limit: `--setup-ms`, `setupMsMax` of `run`.',
    exit: 1,
  },
  INTAKE_ADDRESS_UNFIT: {
    title: 'A source cannot listen for requests where it was told to.',
    remedy:
      'Give another address or port, end what listens there, or spread the copies of the component over nodes (`placement: { spread: node }`).',
    exit: 4,
  },
  LISTENER_FAILED: {
    title: 'The listener that the run was given threw an error.',
    remedy: 'Catch in `onEvent` what may fail there.',
    exit: 1,
  },
  CLOSE_TIMEOUT: {
    title: 'A component took too long to close.',
    remedy: 'Make its `close` (or the `finally` of its generator) return soon after the signal is aborted.',
    exit: 1,
  },
  WORKER_MEMORY: {
    title: 'A worker uses more memory than it may.',
    remedy: 'Look for what the named components keep (arrays, maps, buffers), or raise the limit.',
    exit: 1,
  },
  COMPONENT_STALLED: {
    title: 'A component has blocked its thread.',
    remedy: 'Let long work give way: `await`, a generator, or smaller steps; or raise the limit of time.',
    exit: 1,
  },
  COMPONENT_EXITED: {
    title: 'A component ended its thread or process.',
    remedy: 'Throw an error instead of calling `process.exit`.',
    exit: 1,
  },
  WORKER_DIED: {
    title: 'A worker thread ended without having been told to.',
    remedy: 'See the cause; where it ran out of memory, look for what the named components keep.',
    exit: 1,
  },
  ENGINE_ABORTED: {
    title: 'The process that ran the network ended without a word.',
    remedy: 'Look at what the named components keep in memory or do to their process.',
    exit: 1,
  },
  HOOK_INVALID: {
    title: 'A module of hooks exports something else.',
    remedy:
      'Export an object with the functions onStart, onSend, onReceive and onStop, or some of them, as default.',
    exit: 3,
  },
  METRIC_INVALID: {
    title:
      'A metric of a component has no possible name, another type already, or was given no possible value.',
    remedy:
      'Names are letters, digits and `_`; counters and histograms take numbers from 0, gauges finite numbers.',
    exit: 1,
  },
  METRIC_LIMIT: {
    title: 'A component makes more metrics than one instance may have.',
    remedy: 'Do not make a metric for each key or message; record into one, or keep the values in state.',
    exit: 1,
  },
  EMIT_LIMIT: {
    title: 'A handler emitted too many messages for one message.',
    remedy:
      'Make the handler a generator (`*port(message, { emit }) { ...; yield }`), which the engine can pause.',
    exit: 1,
  },
  EMIT_OUTSIDE_HANDLER: {
    title: 'Something was sent when no handler of the component was at work.',
    remedy: 'Send within the handler, await what it starts, or use a timer.',
    exit: 1,
  },
  STATE_NOT_ENCODABLE: {
    title: 'A value in a state cannot be written into a snapshot.',
    remedy:
      'Keep plain data in state, or register a codec for the class (`registerCodec`); the message names component, key and field.',
    exit: 1,
  },
  STATE_INVALID: {
    title: 'A state is declared in a way that has no meaning.',
    remedy: 'See the guide on state for what a declaration may say.',
    exit: 3,
  },
  STATE_VERSION_UNKNOWN: {
    title: "A snapshot has a version of a component's state that no migration leads from.",
    remedy:
      'Add the step to `migrate` of the component, deploy the version that wrote it, or let the component begin anew: `--discard-state <component>`.',
    exit: 3,
  },
  STATE_CHANGED: {
    title: 'A snapshot has state that a component does not declare any more, or otherwise.',
    remedy:
      'Raise `stateVersion` and say in `migrate` what becomes of it, or let the component begin anew: `--discard-state <component>`.',
    exit: 3,
  },
  STATE_MIGRATION_FAILED: {
    title: "A migration of a component's state failed, or gave something else than what is declared.",
    remedy:
      'Mend the migration and deploy again; nothing has run. Or let the component begin anew: `--discard-state <component>`.',
    exit: 3,
  },
  STATE_DISK_FAILED: {
    title: 'The disk refused to keep state that is larger than memory.',
    remedy:
      'See the cause; make room in the folder for temporary files, or name another one in `TMPDIR`. It is tried again for about half a minute; deploy a network that was given up again: it goes on from its last snapshot.',
    exit: 4,
  },
  STATE_NOT_KEYED: {
    title: 'A component has no state that belongs to keys.',
    remedy: 'Ask for a component with keyed state; `vertigo describe <network>` lists the components.',
    exit: 2,
  },
  STATE_KEY_UNKNOWN: {
    title: 'A snapshot has nothing for a key.',
    remedy:
      'Check the key, which is JSON: a text that reads like a number needs quotes. The state of a key is there once it has changed.',
    exit: 1,
  },
  STATE_WITHOUT_KEY: {
    title: 'Keyed state was used where there is no key.',
    remedy: 'Use it in handlers of messages and keyed timers, or declare it with `scope: "instance"`.',
    exit: 1,
  },
  STATE_KEY_ELSEWHERE: {
    title: 'A message in a group has a key whose state is at another instance.',
    remedy:
      'A group goes whole to one instance, by its arguments: give them the key that all its messages have. Else send without groups, or run one instance.',
    exit: 1,
  },
  GROUP_MISUSED: {
    title: 'A group or batch was used against its rules.',
    remedy: 'Send before `end`, end inner groups first, and keep one batch open per port.',
    exit: 1,
  },
  GROUP_HELD_LIMIT: {
    title: 'Too much waits for an earlier group of the same name to end.',
    remedy: 'End the earlier group before filling the next, or give the groups different names.',
    exit: 1,
  },
  SELECTOR_FAILED: {
    title: 'A selector chose no valid target.',
    remedy: 'A custom selector returns the number of a target instance, or a list of them.',
    exit: 1,
  },
  KEY_INVALID: {
    title: 'A routing key is of a type that cannot be one.',
    remedy:
      'Keys are strings, numbers, booleans, null, bigint, dates, bytes, or lists and plain objects of these.',
    exit: 1,
  },
  MESSAGE_NOT_ENCODABLE: {
    title: 'A message holds a value that cannot leave its thread.',
    remedy: 'Send plain data, or register a codec for the class (`registerCodec`).',
    exit: 1,
  },
  MESSAGE_INVALID: {
    title: 'A message is not what its port declares.',
    remedy: 'Send what the schema of the port describes.',
    exit: 1,
  },
  PORT_SWITCH_TIMEOUT: {
    title:
      'A network was changed, and a group or batch that is open on an output port kept the port from following.',
    remedy:
      'End groups and batches, or open several shorter ones; what is open goes whole to where it began.',
    exit: 1,
  },
  FRAME_INVALID: {
    title: 'Bytes that are not a frame of this version arrived on a link.',
    remedy: 'Check that both ends run the same version of vertigo-flow.',
    exit: 70,
  },
  LINK_DATA_INVALID: {
    title: 'Bytes that do not belong there arrived on a line between two workers or nodes.',
    remedy:
      'Find out what else speaks to the port; a line of ours is made anew and goes on where it stopped.',
    exit: 70,
    retryable: true,
  },
  LINK_HANDSHAKE_INVALID: {
    title:
      'Somebody connected to a port for workers or nodes and did not speak their protocol, or not in time.',
    remedy: 'Find out what connects to the port; with TLS at one end only, give it to both.',
    exit: 70,
    retryable: true,
  },
  LINK_VERSION_UNFIT: {
    title: 'Two nodes have no version of the protocol in common.',
    remedy: 'Upgrade the older one; the message says which versions each can speak.',
    exit: 1,
  },
  LINK_PEER_UNEXPECTED: {
    title: 'Another cluster, network, node or worker than the intended one answers at an address.',
    remedy: 'Check the addresses of the nodes, and that two clusters do not share ports.',
    exit: 1,
    retryable: true,
  },
  LINK_UNKNOWN: {
    title: 'A worker does not expect this other one: not yet, or not any more.',
    remedy: 'Nothing, if it passes; else see the plan of the network.',
    exit: 1,
    retryable: true,
  },
  LINK_REFUSED: {
    title: 'The other end of a link refuses it.',
    remedy: 'Do what the message asks for.',
    exit: 1,
    retryable: true,
  },
  LINK_LOST: {
    title: 'The other end of a link does not know any more what was sent and received.',
    remedy: 'Set both workers up anew; what was under way between them is lost.',
    exit: 1,
  },
  LINK_UNREACHABLE: {
    title: 'Nothing was heard from the other end of a link for too long.',
    remedy: 'Check the network between the two nodes; the link goes on as soon as they reach each other.',
    exit: 1,
    retryable: true,
  },
  LINK_BACKLOG_FULL: {
    title: 'Too much was sent on a link that the other end has not confirmed; nothing was taken.',
    remedy: 'Use fewer channels or smaller queues, or raise the limit that the message names.',
    exit: 1,
    retryable: true,
  },
  LINK_CLOSED: {
    title: 'Something was sent on a link that is closed.',
    remedy: 'Send before the link is closed.',
    exit: 70,
  },
  TLS_FILES_INVALID: {
    title: 'The certificates and the key that were given for TLS cannot be used.',
    remedy:
      'Give PEM files: the certificate of the authority, that of the node, and the key to it. `vertigo certs create` makes a set.',
    exit: 2,
  },
  TLS_CERTIFICATE_EXPIRED: {
    title: 'The certificate of the other end is not valid at this time.',
    remedy: 'Renew it; check the clocks of both machines.',
    exit: 1,
  },
  TLS_CERTIFICATE_UNTRUSTED: {
    title: "The certificate of the other end was not issued by the cluster's authority.",
    remedy: 'Give every node a certificate of the same authority, and that authority as `ca`.',
    exit: 1,
  },
  TLS_CERTIFICATE_MISSING: {
    title: 'The other end shows no certificate.',
    remedy: 'Give it one of the authority of the cluster.',
    exit: 1,
  },
  TLS_CERTIFICATE_OTHER_NODE: {
    title: 'The certificate of the other end was issued to another node.',
    remedy:
      "Issue one whose `DNS` names have the node's id, or a pattern such as `*.cluster.example` that it fits.",
    exit: 1,
  },
  CALL_TIMED_OUT: {
    title: 'Another node did not answer within the time that was given.',
    remedy: 'Try again; check whether the node is overloaded or cannot be reached.',
    exit: 1,
    retryable: true,
  },
  CALL_CANCELLED: {
    title: 'A call to another node was cancelled, or its link was closed, before the answer came.',
    remedy: 'Make it again where its result still matters.',
    exit: 1,
    retryable: true,
  },
  CALL_INVALID: {
    title: 'A message between two nodes is not one that the other end knows.',
    remedy: 'Check that both nodes run versions that fit each other.',
    exit: 70,
  },
  CALL_LIMIT: {
    title: 'More calls, or larger ones, than a link between two nodes takes.',
    remedy: 'Wait for answers before making more; split what is large.',
    exit: 1,
    retryable: true,
  },
  BACK_EDGE_LIMIT: {
    title: 'Too many messages wait on a back edge.',
    remedy: 'The cycle produces more than it takes: make it shrink, or bound it in the component.',
    exit: 1,
  },
  // Files and streams
  FILE_NOT_FOUND: {
    title: 'A file, or the folder of a file to be written, does not exist.',
    remedy: 'Check the path; relative paths start at the current working directory.',
    exit: 4,
  },
  FILE_IS_DIRECTORY: {
    title: 'A path names a directory where a file is needed.',
    remedy: 'Give the path of a file; to read all files of a directory, end the path in `/*`.',
    exit: 4,
  },
  FILE_UNREADABLE: {
    title: 'A file exists but cannot be read.',
    remedy: 'Check the permissions of the file and of the folders above it.',
    exit: 4,
  },
  FILE_NOT_WRITABLE: {
    title: 'A file cannot be created or written.',
    remedy: 'Check the permissions of the folder, and whether the file system is read-only.',
    exit: 4,
  },
  FILE_CORRUPT: {
    title: 'The content of a file is not what it should be.',
    remedy: 'Get an undamaged copy of the file; where it is not compressed, set `gzip: false`.',
    exit: 4,
  },
  FILE_CHANGED: {
    title: 'A file became shorter while it was read.',
    remedy: 'Run again once nothing writes to the file any more.',
    exit: 4,
  },
  LINE_TOO_LONG: {
    title: 'A line is longer than the limit.',
    remedy: 'Raise `maxLineBytes`, or check that the file is text with line ends.',
    exit: 4,
  },
  DISK_FULL: {
    title: 'There is no room left where a file is written.',
    remedy: 'Free some room or write elsewhere, then run again.',
    exit: 4,
  },
  OUTPUT_CLOSED: {
    title: 'The reader of the output has closed it.',
    remedy: 'Nothing, where that was meant (`| head`); else see why the reader ended early.',
    exit: 4,
  },
  MESSAGE_UNFIT: {
    title: 'A message cannot be written in the format of the target.',
    remedy: 'Change the message before it gets there, or choose another `format`.',
    exit: 4,
  },
  TRANSFER_INVALID: {
    title: 'What arrived is not a whole file as its sender sent it.',
    remedy: 'Connect the port to a `file-sender`, by one connection that keeps groups.',
    exit: 4,
  },
  // Code outside the network
  BRIDGE_MISSING: {
    title: 'A component exchanges messages with code, but no code runs this network.',
    remedy: 'Run the network from code, or use `stdin`/`stdout` or files instead.',
    exit: 3,
  },
  BRIDGE_CLOSED: {
    title: 'A message was given to a network, or awaited of it, that takes part no longer.',
    remedy: 'Send before `end()` only, while the network runs; see the error of the run for why it ended.',
    exit: 1,
  },
  COLLECTOR_FULL: {
    title: 'A collector gathered more messages than it may hold.',
    remedy:
      'Iterate over the collector while the network runs (it then slows the network down), or raise its limit.',
    exit: 1,
  },
  // Clients of exported ports
  PORT_CLOSED: {
    title: 'The network of an exported port is at its end, so nothing goes in or out there.',
    remedy: 'See `vertigo status` for why it ended; deploy it again to go on.',
    exit: 1,
  },
  PORT_MOVED: {
    title:
      'The instance behind an exported port is not, or no more, on the node that was asked; nothing was taken.',
    remedy: 'Try again: it is looked for anew.',
    exit: 1,
    retryable: true,
  },
  PORT_BUSY: {
    title: 'At an exported port as many clients wait as it takes; nothing was taken.',
    remedy: 'Try again when others have been served; send in batches, or make the network faster.',
    exit: 1,
    retryable: true,
  },
  SEND_TIMED_OUT: {
    title: 'Messages were not taken by the network in the time that was given; none of them is in it.',
    remedy: 'Send them again; give more time, or see `vertigo status` for what the network waits for.',
    exit: 1,
    retryable: true,
  },
  SEND_OUTCOME_UNKNOWN: {
    title: 'Messages were sent, but whether the network has taken them is not known.',
    remedy: 'Send them again where taking them twice does no harm; else find out from what the network does.',
    exit: 1,
  },
  REQUEST_TIMED_OUT: {
    title: 'No answer to a request came in the time that was given; it may be handled all the same.',
    remedy:
      'Give more time, and ask again with the same id: where it was handled, the answer comes. See which component is slow.',
    exit: 1,
  },
  REQUEST_FAILED: {
    title: 'A component has failed, or rejected its message, while a request was handled.',
    remedy: 'Mend what the error names, or send another message; what else came of the request was handled.',
    exit: 1,
  },
  REQUEST_LOST: {
    title: 'The instance that had taken a request is gone, and the network keeps no requests past that.',
    remedy:
      'Send it again, with an id of its own, where handling it twice does no harm; let the network be at-least-once or exactly-once, so that requests are kept.',
    exit: 1,
  },
  REQUEST_ANSWER_LOST: {
    title: 'A request was handled, and its answer is lost with a failure.',
    remedy:
      'Find out from what the network does, or ask it anew: what the request did is kept. Make the handlers faster that are slower than a snapshot waits for (1 s).',
    exit: 1,
  },
  REQUEST_ANSWER_UNFIT: {
    title:
      'A request was handled, and its answer cannot be given to who asks: it is larger than 1 MiB as JSON, or JSON cannot hold it.',
    remedy:
      'Let the component answer with less: with a part, or with the address of where the rest is. What the request did is kept, so asking again with the same id gives the same.',
    exit: 1,
  },
  CLIENT_MESSAGE_INVALID: {
    title: 'What a client sends is nothing that an exported port takes.',
    remedy:
      'Send values that JSON can hold, 200 levels deep at most, without fields named `__proto__` and without halves of surrogate pairs in texts; the id of a request has 1 to 256 characters.',
    exit: 2,
  },
  CLIENT_MESSAGE_TOO_LARGE: {
    title: 'A message, or a batch, is larger than clients may send or read.',
    remedy: 'Send several batches of 1000 messages and 1 MiB at most; give what is large by its address.',
    exit: 1,
  },
  READER_TOO_SLOW: {
    title: 'A reader of an exported output took nothing for so long that the network would have stood still.',
    remedy: 'Read again, faster; messages that came meanwhile are lost to this reader.',
    exit: 1,
  },
  READER_CUT_OFF: {
    title: 'A network ended before a reader of an exported output had got all that was committed there.',
    remedy:
      'Read faster, or let the end wait longer with `snapshot.readersMs`. The rest is in the last snapshot: a network that is deployed `--from-snapshot` of it gives it to who reads on behind its last position, within 30 s.',
    exit: 1,
  },
  // The store
  STORE_URL_INVALID: {
    title: 'The address of a store cannot be understood.',
    remedy: 'Write `lmdb:./folder` or `etcd://host:2379,host2:2379/prefix`.',
    exit: 2,
  },
  STORE_UNREACHABLE: {
    title: 'No member of the store answered in time; nothing was written.',
    remedy: 'Check the addresses and that a majority of its members is up, then try again.',
    exit: 4,
    retryable: true,
  },
  STORE_OUTCOME_UNKNOWN: {
    title: 'A transaction was sent, but whether it took effect is not known.',
    remedy: 'Read what it was to write, or give it `repeat: "once"`, which makes repeating it safe.',
    exit: 4,
  },
  STORE_REFUSED: {
    title: 'The store refuses who asks: a wrong user, password or certificate.',
    remedy: 'Check user and password, or the files of the certificates.',
    exit: 4,
  },
  STORE_FOREIGN: {
    title: 'What is at the address of the store is no store of Vertigo.',
    remedy: 'Give the folder or address of a store, or an empty folder for a new one.',
    exit: 4,
  },
  STORE_REPLACED: {
    title: 'The folder of an embedded store was removed, moved or replaced while it was open.',
    remedy:
      'End what still has it open, and start it anew: over the folder that is there now, or after putting the right one back. While anything runs, leave the folder alone; `vertigo store export` makes a copy.',
    exit: 4,
  },
  STORE_NOT_FOUND: {
    title: 'There is no store at the address, and none was to be made.',
    remedy: 'Check the address for a mistake; a command that writes makes a store where there is none.',
    exit: 4,
  },
  STORE_FORMAT_NEWER: {
    title: 'The store was written by a newer version.',
    remedy: 'Use that version of Vertigo or a newer one.',
    exit: 4,
  },
  STORE_PLACE_UNFIT: {
    title: 'The embedded store cannot be kept in this place or on this platform.',
    remedy: 'Put it on a local disk; several machines want an etcd store.',
    exit: 4,
  },
  STORE_CORRUPT: {
    title: 'Something in the store is damaged, or not what it has to be.',
    remedy:
      'Restore it from an export; a key that is not needed any more can be deleted with `vertigo store delete`.',
    exit: 4,
  },
  STORE_FULL: {
    title: 'There is no room left for the store; nothing was written.',
    remedy: 'Free some room on its disk, or raise the limit that the message names.',
    exit: 4,
  },
  STORE_KEY_INVALID: {
    title: 'A key is not one that a store takes.',
    remedy: 'Use a text of 1 to 1024 bytes in UTF-8.',
    exit: 2,
  },
  STORE_VALUE_TOO_LARGE: {
    title: 'A value is larger than a store takes.',
    remedy: 'Split it over several keys, or keep it elsewhere and store where it is.',
    exit: 2,
  },
  STORE_TRANSACTION_INVALID: {
    title: 'A transaction is not one that a store takes; nothing was written.',
    remedy: 'Mend what the message names; split large transactions.',
    exit: 2,
  },
  STORE_LEASE_LOST: {
    title: 'A lease has ended, and its keys with it.',
    remedy: 'Stop what depended on it; ask for a new lease to begin anew.',
    exit: 1,
  },
  STORE_KEY_MISSING: {
    title: 'A key that was asked for is not in the store.',
    remedy: 'See what there is with `vertigo store ls`.',
    exit: 4,
  },
  STORE_CHANGED: {
    title: 'Nothing was written, because a key was not as the condition says.',
    remedy: 'Read the key again, and decide anew.',
    exit: 4,
  },
  STORE_NOT_EMPTY: {
    title: 'A store that was to be filled is not empty.',
    remedy: 'Name an empty store, or say --replace to delete what is there.',
    exit: 4,
  },
  STORE_EXPORT_INVALID: {
    title: 'A file is not an export of a store, or was damaged; nothing was written.',
    remedy: 'Use another copy of the file.',
    exit: 4,
  },
  STORE_HOLD_LOST: {
    title: 'A leadership, a lock or a claim is no longer held; what it guards was not written.',
    remedy: 'Stop what depended on it; ask for it anew.',
    exit: 1,
  },
  STORE_CONTENDED: {
    title: 'Too many others changed the same thing at the same time; nothing was written.',
    remedy: 'Try again later, or spread the writes over several keys or collections.',
    exit: 1,
    retryable: true,
  },
  STORE_COLLECTION_FULL: {
    title: 'A bounded queue has no room; nothing was written.',
    remedy: 'Wait until some of it was taken, take faster, or raise its bound.',
    exit: 1,
    retryable: true,
  },
  STORE_BUSY: {
    title: 'More calls to the shared collections wait for their turn than may.',
    remedy: 'Await calls before you make more, or raise `opsPerSecondMax` as far as the store can bear.',
    exit: 1,
    retryable: true,
  },
  STORE_VALUE_INVALID: {
    title: 'A value is not one that JSON can hold.',
    remedy: 'Use null, booleans, finite numbers, texts, arrays and plain objects.',
    exit: 2,
  },
  STORE_MESSAGES_MISSED: {
    title: 'A subscriber of a topic fell behind by more than the topic retains.',
    remedy: "Read faster, retain more, or subscribe with `onMissed: 'skip'` where gaps do no harm.",
    exit: 1,
  },
  STORE_CLOSED: {
    title: 'A store, or something that stands on one, was used after it had been closed.',
    remedy: 'Use it before it is closed, or open it again.',
    exit: 70,
  },
  // The journal
  JOURNAL_SEALED: {
    title: 'A newer generation has taken the journal over; nothing that was appended since is acknowledged.',
    remedy: 'Stop: another instance has taken its place. Whoever sent the messages has to send them again.',
    exit: 1,
  },
  JOURNAL_IN_USE: {
    title: 'Another writer has the journal open in the same generation.',
    remedy: 'End the other one first; a journal has one writer.',
    exit: 4,
  },
  JOURNAL_CORRUPT: {
    title:
      'Something in a journal is damaged or missing, and not only the end of a write that was cut short.',
    remedy:
      'Restore the folder of the journal; without it, messages that were acknowledged are lost: start afresh in another folder.',
    exit: 4,
  },
  JOURNAL_POSITION_GONE: {
    title: 'A journal does not hold the position that it is to be read from.',
    remedy: 'Restore a newer snapshot, or a copy of the folder of the journal that holds the position.',
    exit: 4,
  },
  JOURNAL_FULL: {
    title: 'A journal has reached its limit; the message was not written.',
    remedy: 'Wait until a snapshot has released some of it, or raise `bytesMax`.',
    exit: 4,
    retryable: true,
  },
  JOURNAL_BUSY: {
    title: 'More messages wait to be written to a journal than may; the message was not written.',
    remedy: 'Await appends before making more, or raise `pendingBytesMax`.',
    exit: 1,
    retryable: true,
  },
  JOURNAL_RECORD_TOO_LARGE: {
    title: 'A message is larger than a journal takes.',
    remedy: 'Split it, or keep it elsewhere and append where it is.',
    exit: 2,
  },
  JOURNAL_FORMAT_NEWER: {
    title: 'A journal was written by a newer version.',
    remedy: 'Use that version of Vertigo or a newer one.',
    exit: 4,
  },
  JOURNAL_FOREIGN: {
    title: 'A folder that is to hold a journal holds something else.',
    remedy: 'Give the folder of a journal, or an empty folder for a new one.',
    exit: 4,
  },
  JOURNAL_FAILED: {
    title: 'The disk refused to write or to sync a journal; what was not acknowledged may be lost.',
    remedy: 'See the cause; check the disk, then start again: opening the journal reads what is there.',
    exit: 4,
  },
  JOURNAL_CLOSED: {
    title: 'A journal was used after it had been closed.',
    remedy: 'Use it before it is closed, or open it again.',
    exit: 70,
  },
  // Snapshots
  SNAPSHOT_LATE: {
    title: 'A snapshot waits for an instance that does not come to its barrier.',
    remedy: 'See what its handler waits for; one that never returns holds up all snapshots of the network.',
    exit: 4,
    retryable: true,
  },
  SNAPSHOT_TIMED_OUT: {
    title: 'A snapshot was not whole in time.',
    remedy: 'See what the named instances wait for, or give it more time (`snapshot.timeoutMs`).',
    exit: 4,
    retryable: true,
  },
  SNAPSHOT_NONE: {
    title: 'No snapshots are taken of the network.',
    remedy: 'Deploy it with `guarantee: exactly-once` (or `at-least-once`), which snapshots are taken for.',
    exit: 2,
  },
  SNAPSHOT_UNKNOWN: {
    title: 'There is no such snapshot of the network.',
    remedy: '`vertigo snapshot ls` lists them.',
    exit: 2,
  },
  SNAPSHOT_NAME_TAKEN: {
    title: 'Another snapshot of the network has this name. Nothing was changed.',
    remedy: 'Give the new one another name; or let it have this one, which the older one loses: `--replace`.',
    exit: 2,
  },
  SNAPSHOT_UNFIT: {
    title: 'The network cannot go on from this snapshot.',
    remedy: 'Choose another snapshot, or deploy the network as it was when the snapshot was taken.',
    exit: 2,
  },
  SNAPSHOT_LAST_MISSING: {
    title: 'A network was stopped without a last snapshot.',
    remedy:
      'See that snapshots have a place again, then let it go on from the newest: `vertigo snapshot ls <network>`, and `deploy` with `--from-snapshot`. To give up what came since, deploy it without.',
    exit: 4,
  },
  SNAPSHOT_REPEATS: {
    title: 'To go back so far would publish again what has been published.',
    remedy: 'Start from the last snapshot, or accept it: `--accept-duplicates`.',
    exit: 2,
  },
  SERVER_REFUSED: {
    title: 'A server that a source or sink uses refuses who asks, or what is asked.',
    remedy: 'Check user, password and permissions; the message says what the server said.',
    exit: 4,
  },
  SERVER_UNREACHABLE: {
    title: 'A server that a source or sink uses does not answer.',
    remedy: 'See that it runs and can be reached from here; `retryMs` says how long to wait for it.',
    exit: 4,
    retryable: true,
  },
  SINK_AHEAD: {
    title: 'A sink has published more than the store knows of: to go on would publish it again.',
    remedy:
      'Bring back the newest state of the store, or take back what the sink has published since; or give the network another name, so that it writes as somebody else.',
    exit: 4,
  },
  SINK_COMMIT_FAILED: {
    title: 'A sink could not publish what belongs to a committed snapshot.',
    remedy:
      'See the cause: what the sink writes to has to be reachable. Nothing is lost: it is in the snapshot, and is published when the component runs again.',
    exit: 4,
    retryable: true,
  },
  SINK_DISCARDED: {
    title: 'A sink begins afresh, and committed output that it could not publish before is dropped.',
    remedy:
      'That is what `--discard-state` of its component asks for. Where the output is needed, deploy from the snapshot before (`--from-snapshot`, with `--accept-duplicates`) once what the sink writes to takes it.',
    exit: 4,
  },
  SINK_FENCED: {
    title: 'A sink was about to publish while another instance writes under its name.',
    remedy:
      'It tries again by itself, and writes nothing twice. See whether two networks use one name at one cluster of Kafka.',
    exit: 4,
    retryable: true,
  },
  SINK_LATE: {
    title: 'A sink has not published for a while what belongs to committed snapshots.',
    remedy: 'See whether what it writes to can be reached; it tries again by itself.',
    exit: 4,
    retryable: true,
  },
  SINK_REFUSED: {
    title: 'What a sink writes to refuses it.',
    remedy:
      'See the answer: address, credentials, or the form of the messages are not what it takes. Change the target or what is sent; what belongs to a committed snapshot is written when the network runs again.',
    exit: 1,
  },
  SINK_UNREACHABLE: {
    title: 'What a sink writes to does not answer.',
    remedy: 'Check its address and that it is up; the sink tries again by itself.',
    exit: 1,
    retryable: true,
  },
  TARGET_UNFIT: {
    title: 'What a sink is to write to, or a source to read from, is not there, or is not as it has to be.',
    remedy: 'Create or change it as the message says, or correct the configuration.',
    exit: 3,
  },
  SINK_TARGET_LOST: {
    title: 'What a sink had published is not there any more where it wrote it.',
    remedy:
      'Bring it back, or run the component on the machine that has it; or let it begin anew: `vertigo deploy --discard-state <component>`.',
    exit: 4,
  },
  SINK_UNPUBLISHED: {
    title: 'A sink was closed with committed output that it had not published yet.',
    remedy:
      'Bring back what it writes to. A network that was undeployed publishes it when it is deployed again with `--from-snapshot` of its last snapshot; after a failure its next run does so by itself. What belonged to a component that was taken out is published by nobody.',
    exit: 4,
  },
  SINK_TRANSACTION_EXPIRED: {
    title: 'A transaction of a sink took longer than it may, and was taken back by the server.',
    remedy:
      'It is tried again. Raise `transactionTimeoutMs` (and the limit of the brokers, `transaction.max.timeout.ms`), or take snapshots more often, so that less is written at once.',
    exit: 4,
    retryable: true,
  },
  SINK_TRANSACTION_LOST: {
    title: 'Brokers have lost how a transaction of a sink ended, and it stays open.',
    remedy:
      'End it with the tool of Kafka, as the message says. Brokers of version 4.3 do so where a partition has no leader for a moment (KAFKA-20734).',
    exit: 4,
  },
  SNAPSHOT_STORAGE_UNSET: {
    title: 'Nobody has said where snapshots are kept.',
    remedy:
      'Name a place that all nodes see: `--snapshots <address>` of all nodes, or `snapshot: { storage: s3://bucket/prefix }` in the network. Or let the network do without snapshots: `guarantee: at-most-once`.',
    exit: 2,
  },
  FILES_NOT_SHARED: {
    title: 'A component reads or writes files of one machine, and it is not said which.',
    remedy:
      'Say by `group` or `placement.labels` on which machine it is to be, or, where all of them see the files, `placement: { files: shared }`.',
    exit: 2,
  },
  SNAPSHOT_STORAGE_LOCAL: {
    title: 'The folder for snapshots is not the same one on all nodes.',
    remedy: 'Mount a shared folder at the same path on every node, or keep snapshots in an object storage.',
    exit: 4,
  },
  SNAPSHOT_STORAGE_TAKEN: {
    title: 'Another cluster keeps the snapshots of a network of this name there.',
    remedy:
      'Give each cluster an address of its own; where that cluster is no more, delete the file `<network>/owner` there.',
    exit: 4,
  },
  SNAPSHOT_STORAGE_UNWRITABLE: {
    title: 'The storage of snapshots cannot be read or written.',
    remedy: 'Check the folder, its permissions, and whether the file system is read-only.',
    exit: 4,
  },
  SNAPSHOT_STORAGE_FULL: {
    title: 'There is no room left in the storage of snapshots.',
    remedy: 'Free some room, keep fewer snapshots, or keep them elsewhere.',
    exit: 4,
    retryable: true,
  },
  DEAD_LETTERS_LATE: {
    title: 'A snapshot came to nothing, since rejected messages could not be written down in time.',
    remedy:
      'See in the log of the node why its dead letters cannot be written: they are in the folder where it was started. Snapshots go on by themselves when they can.',
    exit: 4,
    retryable: true,
  },
  SNAPSHOT_STORAGE_LOST: {
    title: 'The files of the snapshots of a network are gone from their storage.',
    remedy:
      'What runs is saved whole by the next snapshot, by itself. Before that is committed, a failure finds nothing to go back to: see who deletes or replaces that folder while the network runs.',
    exit: 4,
    retryable: true,
  },
  SNAPSHOT_STORAGE_UNREACHABLE: {
    title: 'The storage of snapshots did not answer, or not in time.',
    remedy: 'Check its address and that it is up; a later snapshot tries again.',
    exit: 4,
    retryable: true,
  },
  SNAPSHOT_STORAGE_REFUSED: {
    title: 'The storage of snapshots refuses who asks.',
    remedy: 'Check the credentials, and what they are allowed to do with the bucket.',
    exit: 4,
  },
  SNAPSHOT_STORAGE_NOT_FOUND: {
    title: 'The bucket that is to hold snapshots does not exist.',
    remedy: 'Correct its name, or make it.',
    exit: 4,
  },
  SNAPSHOT_STORAGE_URL_INVALID: {
    title: 'The address of the storage of snapshots cannot be read.',
    remedy: 'Write `file:///folder` or `s3://bucket/prefix`.',
    exit: 2,
  },
  SNAPSHOT_FILE_MISSING: {
    title: 'A file of a snapshot is not there.',
    remedy:
      'Restore the storage of the snapshots; or start from a snapshot that is whole (`--from-snapshot`), or let the component begin anew (`--discard-state <component>`).',
    exit: 4,
  },
  SNAPSHOT_FILE_EXISTS: {
    title: 'A file of a snapshot was to be made under a name that is taken.',
    remedy: 'See who else keeps snapshots under the same address; each cluster wants one of its own.',
    exit: 4,
  },
  SNAPSHOT_FILE_DAMAGED: {
    title: 'A file of a snapshot is not what was written.',
    remedy:
      'Restore the storage of the snapshots; or start from a snapshot that is whole (`--from-snapshot`), or let the component begin anew (`--discard-state <component>`).',
    exit: 4,
  },
  SNAPSHOT_RECORD_DAMAGED: {
    title: 'What the store says of a snapshot is not what was written.',
    remedy:
      'Deploy the network with `--from-snapshot` and one that is whole (`vertigo snapshot ls` lists them), or restore the store from an export.',
    exit: 4,
  },
  SNAPSHOT_FORMAT_NEWER: {
    title: 'A snapshot was written by a newer version.',
    remedy: 'Use that version of Vertigo or a newer one.',
    exit: 4,
  },
  SNAPSHOT_FOREIGN: {
    title: 'A snapshot is that of another network, or of another incarnation of the cluster.',
    remedy: 'Name a snapshot of this network; `vertigo snapshot ls` lists them.',
    exit: 4,
  },
  SNAPSHOT_EXPORT_INVALID: {
    title: 'A folder is no export of a snapshot, or not a whole one.',
    remedy: 'Make it with `vertigo snapshot export`, and let that come to its end.',
    exit: 2,
  },
  SNAPSHOT_NOT_DIVISIBLE: {
    title: 'A snapshot cannot be continued with another number of instances.',
    remedy:
      'Go on with the number of instances that the snapshot was taken of, and change it while the network runs.',
    exit: 2,
  },
  // The cluster
  NODE_EXISTS: {
    title: 'A node with this id lives in the cluster already.',
    remedy: 'Give the new node another `--id`, or end the other one.',
    exit: 2,
  },
  NODE_UNKNOWN: {
    title: 'The cluster has no node of this id at the moment.',
    remedy: '`vertigo nodes` lists those that are there.',
    exit: 2,
  },
  NODES_DIED: {
    title: 'Nodes ended, one after the other, soon after they had got a component.',
    remedy:
      'See what these nodes printed last; mend the component (native code, memory outside of the heap, `process.abort`), and deploy the network again.',
    exit: 1,
  },
  NODE_OPEN: {
    title: 'A node was to be reached from other machines without TLS.',
    remedy:
      'Give certificates (`--tls-ca`, `--tls-cert`, `--tls-key`), or let it listen on loopback, or say `--insecure`.',
    exit: 2,
  },
  NODE_ADDRESS_UNFIT: {
    title: 'A node cannot listen where it was told to.',
    remedy: 'Give another `--listen <host:port>`, or end the process that listens there.',
    exit: 4,
  },
  CLUSTER_FORMAT_NEWER: {
    title: 'The records of the cluster were written by a newer version of Vertigo.',
    remedy: 'Start this node with that version or a newer one.',
    exit: 2,
  },
  CLUSTER_FOREIGN: {
    title: 'The store has another cluster of this name: its nodes and this one cannot belong together.',
    remedy: 'Give one of the two a name of its own (`--cluster <name>`), or another store.',
    exit: 2,
  },
  CLUSTER_REPLACED: {
    title: 'The cluster that a node was a member of is not in the store any more, or is another one now.',
    remedy:
      'See that the address of the store leads to the right one. Where it was set up anew on purpose, start the node again: it joins what is there.',
    exit: 4,
  },
  CLUSTER_RUNS: {
    title: 'A cluster was to be started where it runs already.',
    remedy:
      'End the one that runs, or give this one another store or name (`--store`, `--cluster`). One more node: `vertigo node`.',
    exit: 2,
  },
  GENERATION_STALE: {
    title: 'Something of an older plan wanted to take part in a newer one. It was refused.',
    remedy: 'Nothing is to be done: the cluster has replaced it.',
    exit: 70,
  },
  NETWORK_UNKNOWN: {
    title: 'The cluster has no network of this name.',
    remedy: '`vertigo ls` lists the networks of the cluster.',
    exit: 2,
  },
  NAME_TAKEN: {
    title: 'What was to be deployed has a name that is in use for something else. Nothing was changed.',
    remedy: 'Give it another name; or say that it replaces what is there: `--replace`.',
    exit: 2,
  },
  VERSION_UNKNOWN: {
    title: 'A network has no version of this number; old ones are let go after a while.',
    remedy: '`vertigo describe <network> --versions` lists those that are kept.',
    exit: 2,
  },
  NETWORK_RUNS: {
    title: 'A network that is not at its end was to be forgotten.',
    remedy: 'Undeploy it first, and wait until it has stopped.',
    exit: 2,
  },
  NETWORK_NOT_RUNNING: {
    title: 'A network that has ended, or is to end, was to do something.',
    remedy: 'Deploy it, and ask again when it runs.',
    exit: 2,
  },
  KIND_NOT_IN_CLUSTER: {
    title: 'A component talks to the process that runs its network; in a cluster there is no such process.',
    remedy: 'Use a kind that reads from or writes to something that every node reaches, such as a file.',
    exit: 3,
  },
  NETWORK_REFUSED: {
    title: 'A version of a network could not be set up; the version before runs on, where there was one.',
    remedy: 'Mend what the message names, and deploy again.',
    exit: 1,
  },
  NETWORK_FAILED: {
    title: 'A network in the cluster failed and was given up.',
    remedy: 'Mend what the message names, and deploy again.',
    exit: 1,
  },
  WAIT_TIMEOUT: {
    title: 'What was waited for did not come in time; it may still come.',
    remedy: 'See `vertigo status <network>` for what it is at, or wait for longer: `--timeout <s>`.',
    exit: 1,
  },
  CLUSTER_CHANGE_CONFLICT: {
    title: 'A change was made for a version of the network that is not the current one. Nothing was changed.',
    remedy: 'Look at the current version, and make the change for that.',
    exit: 1,
  },
  BUNDLE_FAILED: {
    title: 'The code of a component cannot be bundled.',
    remedy: 'Mend what the message names; or leave the package out with `--external <package>`.',
    exit: 3,
  },
  BUNDLER_MISSING: {
    title: 'esbuild, which makes bundles, is not installed as it should be.',
    remedy:
      'Install `vertigo-flow` with its optional packages, since the program of esbuild is one: `npm install --include=optional`, or `npm install esbuild`.',
    exit: 4,
  },
  BUNDLE_NATIVE: {
    title: 'A package with native parts was to be bundled.',
    remedy:
      'Leave it out with `--external <package>`, and install it in the folder in which the nodes are started.',
    exit: 3,
  },
  BUNDLE_TOO_LARGE: {
    title: 'A bundle, or all bundles of a deployment, are larger than Vertigo takes.',
    remedy:
      'Leave large packages out with `--external <package>`, and install them where the nodes are started.',
    exit: 3,
  },
  BUNDLE_MISSING: {
    title: 'The store has no bundle of the name that a network needs.',
    remedy: 'Deploy the network again, with its bundles.',
    exit: 3,
  },
  BUNDLE_DAMAGED: {
    title: 'A bundle is not what its hash says.',
    remedy:
      'Deploy the network again: what is damaged in the store is replaced. Look for faults of the disk.',
    exit: 4,
  },
  BUNDLE_PACKAGE_MISSING: {
    title: 'A package that was left out of a bundle is not installed on the node.',
    remedy: 'Install it in the folder in which the node is started, or deploy without `--external`.',
    exit: 3,
  },
  BUNDLE_CACHE_UNSAFE: {
    title: 'The folder for bundles belongs to somebody else, or others can write into it.',
    remedy: 'Give the node a folder of its own (mode 700).',
    exit: 4,
  },
  BUNDLE_CACHE_FAILED: {
    title: 'The folder for bundles cannot be read or written.',
    remedy: 'See that there is room on the disk, and that the node may write into the folder.',
    exit: 4,
    retryable: true,
  },
  // The HTTP API
  API_UNREACHABLE: {
    title: 'No node answers at the address of the HTTP API.',
    remedy:
      'Start a node, or give the address of one: `--api http://host:port`, or the variable VERTIGO_API.',
    exit: 4,
    retryable: true,
  },
  API_TIMEOUT: {
    title: 'The HTTP API did not answer in time.',
    remedy: 'See whether the node and its store are well, then look at what became of the request.',
    exit: 4,
  },
  API_ANSWER_INVALID: {
    title: 'What answers at the address is not the HTTP API of a node.',
    remedy: 'Check the address; see whether something stands in between, such as a proxy.',
    exit: 4,
  },
  API_ROUTE_UNKNOWN: {
    title: 'The HTTP API has nothing at this path.',
    remedy: 'See `schema/openapi.json` for what there is; the node may run an older version.',
    exit: 2,
  },
  API_METHOD_UNKNOWN: {
    title: 'The HTTP API does not know this method at this path.',
    remedy: 'Use one of the methods that the message lists.',
    exit: 2,
  },
  API_REQUEST_INVALID: {
    title: 'A request is not what the HTTP API understands.',
    remedy: 'Send what `schema/openapi.json` says.',
    exit: 2,
  },
  API_REQUEST_TOO_LARGE: {
    title: 'A request is larger than the HTTP API takes.',
    remedy: 'Deploy in smaller parts; send messages in several batches, of 1 MiB at most.',
    exit: 2,
  },
  API_BUSY: {
    title: 'The node answers as many requests, or has as many readers of events, as it can.',
    remedy: 'Try again later, or ask another node.',
    exit: 4,
    retryable: true,
  },
  API_TOKEN_MISSING: {
    title: 'The HTTP API wants a token that it knows.',
    remedy: 'Give one by `--token env:NAME` or `--token file:path`, or in the variable VERTIGO_TOKEN.',
    exit: 2,
  },
  API_ROLE_MISSING: {
    title: 'The role of the token does not allow the request.',
    remedy: 'Use a token with the role that the message names.',
    exit: 2,
  },
  API_HOST_REFUSED: {
    title: 'A request came from a web page, or by a name, that the HTTP API does not serve.',
    remedy:
      'Use `localhost` or the address of the node; for pages and names of your own, give the node tokens.',
    exit: 2,
  },
  API_UNTRUSTED: {
    title: 'The certificate of the HTTP API cannot be trusted.',
    remedy:
      'Name its authority: `--api-ca <file>`, or the variable VERTIGO_API_CA. The certificate has to be valid today, and to name the host of the address.',
    exit: 4,
  },
  API_OPEN: {
    title: 'The HTTP API was to be reached from other machines without tokens.',
    remedy: 'Give tokens (`--tokens <file>`), or let it listen on loopback, or say `--insecure`.',
    exit: 2,
  },
  API_ADDRESS_UNFIT: {
    title: 'The HTTP API cannot listen where it was told to.',
    remedy: 'Give another address or port, or end the process that listens there.',
    exit: 4,
  },
  SECRET_MISSING: {
    title: 'A configuration refers to a secret that is not there.',
    remedy:
      'Set the variable, or put the file there, on every machine that may run the component. Write `$${env:NAME}` for the text `${env:NAME}` itself.',
    exit: 3,
  },
  SECRET_INVALID: {
    title: 'A secret, or the reference to one, cannot be used.',
    remedy: 'Write `env:NAME` or `file:path`, and see that the variable or file is there.',
    exit: 2,
  },
  // The command line
  CERTIFICATE_EXISTS: {
    title: 'A certificate or key was to be written where a file is already.',
    remedy: 'Name nodes that have none yet, use another folder, or delete the files if nothing uses them.',
    exit: 4,
  },
  FOLDER_NOT_EMPTY: {
    title: 'A new project was to be made where something is already.',
    remedy: 'Give the path of a folder that is empty or does not exist.',
    exit: 4,
  },
  NODE_UNSUPPORTED: {
    title: 'The command was started with a Node that is too old for it.',
    remedy: 'Install a newer Node, and look with `node --version` which one comes first on the PATH.',
    exit: 2,
  },
  SIMULATION_INVALID: {
    title: 'A simulation of a cluster was asked for in a way that makes no sense.',
    remedy: 'Correct the option or the network that the message names.',
    exit: 2,
  },
  SIMULATION_FAILED: {
    title: 'A seed of a simulation of a cluster showed something that must not be.',
    remedy: 'Run the seed alone, with `trace`, to see all that happens in it.',
    exit: 1,
  },
  USAGE: { title: 'The command was used wrongly.', remedy: 'See `vertigo --help`.', exit: 2 },
  INTERNAL: {
    title: 'A fault of Vertigo itself.',
    remedy: 'Please report it with the text of the error.',
    exit: 70,
  },
})

export type ErrorCode = keyof typeof errorCodes
