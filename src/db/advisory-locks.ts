/**
 * Every advisory lock of ours, each held by one process or transaction of the installation while the others wait, or try
 * again. Any fixed numbers keep them apart from those of others in the same database.
 */
export const LOCKS = {
  migration: 8_271_001,
  /** Its session's end is the end of its leading. */
  relayLeader: 8_271_002,
  /** The first of two numbers; the second is the slot's. */
  consumerSlots: 8_271_003,
  partitions: 8_271_004,
  kafkaForwarder: 8_271_005,
} as const;

/** Locks by a name, or an id, that is hashed; the number is the hash's seed. */
export const HASHED_LOCKS = {
  servedListings: 8_271_006,
  jobWorkers: 8_271_007,
} as const;
