/** How far one consumer group is behind on one stream. Times are milliseconds. */
export interface GroupLag {
  stream: string;
  group: string;
  /** Entries in the stream. */
  length: number;
  /** Entries not delivered to the group yet; null when Redis can't tell. */
  lag: number | null;
  /** How long the first of these has waited, by the stream server's clock, from which ids are made. */
  oldest_waiting_ms: number | null;
  /** Delivered, not acknowledged. */
  pending: number;
  oldest_pending_idle_ms: number | null;
  consumers: number;
  last_delivered_id: string;
}

/** What is committed and not published. */
export interface OutboxLag {
  unpublished: number;
  oldest_age_ms: number | null;
}

export interface Lag {
  streams: GroupLag[];
  outbox: OutboxLag;
}
