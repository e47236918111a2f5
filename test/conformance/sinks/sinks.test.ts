import { collectionSubjects } from './collections.ts'
import { fileSubjects } from './files.ts'
import { httpSubject } from './http.ts'
import { memorySubject } from './memory.ts'
import { sinkSuite } from './suite.ts'

for (const subject of [memorySubject, ...fileSubjects, httpSubject, ...collectionSubjects]) sinkSuite(subject)
