import { network } from '../../src/component/builder.ts'
import { defineComponent, hash, port } from '../../src/component/index.ts'
import {
  counter,
  type Counted,
  filter,
  flatMap,
  map,
  operatorKinds,
  splitWords,
  take,
  tap,
  throttle,
} from '../../src/operators/index.ts'

/** Compiled, never run: what must compile does, and each `@ts-expect-error` marks what must not. */

type Event = { readonly type: 'click'; readonly x: number } | { readonly type: 'key'; readonly key: string }
type Click = Extract<Event, { readonly type: 'click' }>

const net = network('operators')
const text = net.add('text', (line: string) => line)
const events = net.add('events', (_line: string): Event => ({ type: 'click', x: 1 }))
const takesText = net.add('takesText', defineComponent({ inputs: { in: port<string>() } })).inputs.in
const takesNumbers = net.add('takesNumbers', defineComponent({ inputs: { in: port<number>() } })).inputs.in
const takesClicks = net.add('takesClicks', defineComponent({ inputs: { in: port<Click>() } })).inputs.in
const takesCounted = net.add('counted', defineComponent({ inputs: { in: port<Counted<string>>() } })).inputs
  .in

// map: the result's type, promises awaited.
const length = net.add(
  'length',
  map((line: string) => line.length),
)
net.connect(text.outputs.out, length.inputs.in)
net.connect(length.outputs.out, takesNumbers)
// @ts-expect-error numbers are no text
net.connect(length.outputs.out, takesText)
const later = net.add(
  'later',
  map(async (line: string) => line.length, { concurrency: 8 }),
)
net.connect(later.outputs.out, takesNumbers)

// filter keeps the type, or narrows it.
const long = net.add(
  'long',
  filter<string>((line) => line.length > 3),
)
net.connect(text.outputs.out, long.inputs.in)
net.connect(long.outputs.out, takesText)
// @ts-expect-error text stays text
net.connect(long.outputs.out, takesNumbers)
// @ts-expect-error a text has no property of this name
filter<string>((line) => line.size > 3)
const clicks = net.add(
  'clicks',
  filter((event: Event): event is Click => event.type === 'click'),
)
net.connect(events.outputs.out, clicks.inputs.in)
net.connect(clicks.outputs.out, takesClicks)
const someEvents = net.add(
  'someEvents',
  filter<Event>((event) => event.type === 'click'),
)
// @ts-expect-error a predicate that does not narrow leaves the type as it is
net.connect(someEvents.outputs.out, takesClicks)

// flatMap: the items' type.
const letters = net.add(
  'letters',
  flatMap((line: string) => line.split('')),
)
net.connect(letters.outputs.out, takesText)
const codes = net.add(
  'codes',
  flatMap(function* (line: string) {
    for (const letter of line) yield letter.charCodeAt(0)
  }),
)
net.connect(codes.outputs.out, takesNumbers)
// @ts-expect-error a number has no items
flatMap((line: string) => line.length)

// tap keeps the type.
const tapped = net.add(
  'tapped',
  tap((line: string) => line.length),
)
net.connect(tapped.outputs.out, takesText)

// Kinds by name, typed by what goes through them.
const words = net.add('words', splitWords, { config: { lowerCase: false } })
net.connect(text.outputs.out, words.inputs.in)
// @ts-expect-error there is no such field
net.add('words2', splitWords, { config: { lowercase: false } })
const count = net.add('count', counter<string>(), { instances: 4 })
net.connect(words.outputs.out, count.inputs.in, { selector: hash() })
net.connect(count.outputs.out, takesCounted)
// @ts-expect-error counted are no words
net.connect(count.outputs.out, takesText)
const first = net.add('first', take<string>(), { config: { count: 10 } })
net.connect(first.outputs.out, takesText)
// @ts-expect-error how many?
net.add('first2', take<string>())
const slow = net.add('slow', throttle<number>(), { config: { perSecond: 10 } })
net.connect(slow.outputs.out, takesNumbers)
// @ts-expect-error a rate is a number
net.add('slow2', throttle<number>(), { config: { perSecond: '10' } })

// The kinds of files are untyped: their function is only known by its address.
const byName = net.add('byName', operatorKinds.map, { config: { function: './double.ts' } })
// @ts-expect-error what it sends is unknown
net.connect(byName.outputs.out, takesText)
// @ts-expect-error which function?
net.add('byName2', operatorKinds.map)
