export type NetworkFormat = 'json' | 'yaml' | 'fbp'

/** The format that a file's ending stands for; undefined for other endings. Case does not matter; the query of a URL is left out. */
export function networkFormat(file: string): NetworkFormat | undefined {
  const path = /^\w\w+:/.test(file) ? file.replace(/[?#].*$/s, '') : file
  const ending = /\.([a-z]+)$/i.exec(path)?.[1]?.toLowerCase()
  if (ending === 'yml' || ending === 'yaml') return 'yaml'
  return ending === 'json' || ending === 'fbp' ? ending : undefined
}
