/** How many faults there are in a run, and which: `VERTIGO_KILLER_FAULTS=20 VERTIGO_KILLER_SEED=7` for another one. */

export function faultsOf(gate: number): number {
  return asked('VERTIGO_KILLER_FAULTS', gate)
}

export function seedOf(gate: number): number {
  return asked('VERTIGO_KILLER_SEED', gate)
}

function asked(name: string, gate: number): number {
  const number = Number(process.env[name] ?? '')
  return Number.isSafeInteger(number) && number > 0 ? number : gate
}
