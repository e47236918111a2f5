/** Shared collections over the coordination store. What they promise is written at `component/shared.ts`. */
export { openCollections, type CollectionsOptions, type OpenCollections } from './open.ts'
