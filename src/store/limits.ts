/** Bounds of every store, whatever its backend: what fits one fits all. Sources: etcd's defaults (1.5 MiB a request, 128 operations). */

/** Larger values are split by who writes them, with a manifest that is committed last. */
export const valueBytesMax = 1024 * 1024
/** All values of one transaction together: etcd refuses requests over 1.5 MiB. */
export const transactionBytesMax = 1_400_000
/**
 * Operations of a branch, and comparisons. etcd takes 128, and counts each apart; the rest is room for what makes a transaction
 * safe to repeat.
 */
export const transactionOperationsMax = 120
/** In UTF-8. LMDB's limit is 1978. */
export const keyBytesMax = 1024
/** One hour: a lease is for what lives, not for what is kept. */
export const leaseTtlMsMax = 3_600_000
/** Shorter ones end by a pause of the garbage collector. */
export const leaseTtlMsMin = 100
export const callTimeoutMsDefault = 5_000
export const watchBufferEventsMaxDefault = 10_000
/** Keys and values, also those from before. A watch that nobody reads costs no more than this. */
export const watchBufferBytesMaxDefault = 16 * 1024 * 1024
/**
 * How long a watch that has to read anew gives its first attempt, and its last ones: a large prefix over a slow line needs more
 * than a call has by default, and to begin anew each time would never end.
 */
export const watchReadMsMin = 10_000
export const watchReadMsMax = 600_000
