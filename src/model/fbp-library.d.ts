declare module 'fbp' {
  /** The parts of the library that are used; it comes without types. */
  interface FbpLibrary {
    /** Throws an `Error` with `location` for text that cannot be parsed. */
    parse(text: string, options: { caseSensitive: boolean; validateContents: boolean }): unknown
  }
  const fbp: FbpLibrary
  export default fbp
}
