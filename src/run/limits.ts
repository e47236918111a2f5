/** Heap and buffers in MiB below which a worker has no room for the engine itself, which takes about 20. */
export const workerMemoryMbMin = 32
