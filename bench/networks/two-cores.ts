import { hashing } from './hashing.ts'

export default hashing('two-cores')
