import { channel } from "node:diagnostics_channel";

/** The moments at which a crash would show whether what comes before and what comes after are safe apart. */
const FAILPOINTS = [
  "transaction.written", // all rows are written, nothing is committed
  "transaction.committed", // committed, and nobody has been told
  "consumer.taken", // a batch is committed, and not acknowledged
  "relay.read", // events are read, and not published
  "relay.published", // Redis has them, and they are not marked
  "kafka.produced", // Kafka has a batch, and it is not acknowledged on its stream
  "label.claimed", // the attempt is on record, and the carrier was not called
  "label.bought", // the carrier has sold it, and we have not stored it
] as const;

export type Failpoint = (typeof FAILPOINTS)[number];

const channels = Object.fromEntries(FAILPOINTS.map((name) => [name, channel(`warehouse:${name}`)])) as Record<
  Failpoint,
  ReturnType<typeof channel>
>;

/** Says that this moment is reached. Nobody listens but a fault test, which may end the process right here. */
export function failpoint(name: Failpoint): void {
  channels[name].publish(undefined);
}
