import { hashing } from './hashing.ts'

export default hashing('one-core')
