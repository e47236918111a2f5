import { Client, credentials, Metadata } from '@grpc/grpc-js'
import { methods, type TxnRequest, type TxnResponse } from '../../src/store/etcd/protocol.ts'

/** etcd with nothing but `@grpc/grpc-js`: one endpoint, no deadline, nothing repeated. */
export class BareEtcd {
  readonly #client: Client
  readonly #metadata = new Metadata()

  constructor(endpoint: string) {
    this.#client = new Client(endpoint, credentials.createInsecure())
  }

  put(key: Uint8Array, value: Uint8Array): Promise<TxnResponse> {
    const { path, serialize, deserialize } = methods.txn
    const request: TxnRequest = { compare: [], success: [{ requestPut: { key, value } }], failure: [] }
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        path,
        serialize,
        deserialize,
        request,
        this.#metadata,
        (error, response) => {
          if (error === null) resolve(response!)
          else reject(error)
        },
      )
    })
  }

  /** Calls `heard` for each event of the key; resolves when the watch has begun. */
  watch(key: Uint8Array, heard: () => void): Promise<void> {
    const { path, serialize, deserialize } = methods.watch
    const stream = this.#client.makeBidiStreamRequest(path, serialize, deserialize, this.#metadata)
    stream.write({
      createRequest: {
        key,
        rangeEnd: new Uint8Array(),
        startRevision: 0,
        prevKv: true,
        watchId: 1,
        fragment: true,
      },
    })
    return new Promise((resolve, reject) => {
      stream.on('data', ({ created, events = [] }: { created?: boolean; events?: readonly unknown[] }) => {
        if (created === true) resolve()
        for (const _ of events) heard()
      })
      stream.on('error', reject)
    })
  }

  close(): void {
    this.#client.close()
  }
}
