/** The network of network.yaml, built in TypeScript: the compiler checks configurations and what connects to what. */
import { hash, network } from 'vertigo-flow'
import { fileLines, fileSink } from 'vertigo-flow/connectors'
import { splitWords } from 'vertigo-flow/operators'
import countWords from './count.ts'

const net = network('word-count', { description: 'Counts the words of text files.' })

const lines = net.add('lines', fileLines, { config: { path: '**/*.md' } })
const split = net.add('split', splitWords)
const count = net.add('count', countWords, { instances: 2 })
const result = net.add('result', fileSink, { config: { path: 'counts.jsonl' } })

net.connect(lines.outputs.out, split.inputs.in)
net.connect(split.outputs.out, count.inputs.word, { selector: hash() })
net.connect(count.outputs.total, result.inputs.in)

export default net
