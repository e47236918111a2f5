import { memorySubject } from './memory.ts'
import { sinkSuite } from './suite.ts'

for (const subject of [memorySubject]) sinkSuite(subject)
