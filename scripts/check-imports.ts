/** Checks what lint cannot: the table of imports, cycles, packages, hidden clocks and randomness, sizes of files. */
import { importTable } from './import-table.ts'
import { checkImports } from './imports/check.ts'
import { showFault } from './imports/fault.ts'
import { root } from './lib/paths.ts'

const { files, faults } = checkImports(root, importTable)
for (const fault of faults) console.log(showFault(fault))
console.log(`${files} files, ${faults.length} faults`)
if (faults.length > 0) process.exitCode = 1
