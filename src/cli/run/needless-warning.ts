/**
 * Node's advice to give a module's package a `type`. Kinds in TypeScript need none, and the advice, with its stack of Node,
 * would stand around every error of a network in a folder without a `package.json`.
 */
export const needlessWarning = 'MODULE_TYPELESS_PACKAGE_JSON'
