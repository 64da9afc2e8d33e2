import type { GroupLag, Lag } from "../domain/lag.ts";
import type { Collectors, Sample } from "./collector.ts";

const GROUP = ["stream", "group"] as const;

/** The streams' and the outbox' state, the same whichever process is asked: to be joined by `max`, not by `sum`. */
export function measureStreams(collectors: Collectors, readStreamLag: () => Promise<Lag>): void {
  collectors.add({
    name: "streams",
    gauges: {
      wms_stream_length: { help: "Entries in a stream.", labels: ["stream"] },
      wms_stream_lag: { help: "Entries not delivered to a group yet.", labels: GROUP },
      wms_stream_oldest_waiting_seconds: { help: "How long the first of these has waited.", labels: GROUP },
      wms_stream_pending: { help: "Entries delivered to a group and not acknowledged.", labels: GROUP },
      wms_stream_oldest_pending_seconds: {
        help: "How long nothing was done about one of these.",
        labels: GROUP,
      },
      wms_stream_consumers: { help: "Consumers that a group knows.", labels: GROUP },
      wms_outbox_unpublished: { help: "Committed events that are not published." },
      wms_outbox_oldest_seconds: { help: "How long the first of these has waited; 0 when there is none." },
    },
    read: async () => {
      const { streams, outbox } = await readStreamLag();
      return {
        wms_stream_length: lengths(streams),
        wms_stream_lag: each(streams, (group) => group.lag),
        wms_stream_oldest_waiting_seconds: each(streams, (group) => seconds(group.oldest_waiting_ms)),
        wms_stream_pending: each(streams, (group) => group.pending),
        wms_stream_oldest_pending_seconds: each(streams, (group) => seconds(group.oldest_pending_idle_ms)),
        wms_stream_consumers: each(streams, (group) => group.consumers),
        wms_outbox_unpublished: [{ value: outbox.unpublished }],
        wms_outbox_oldest_seconds: [{ value: seconds(outbox.oldest_age_ms) }],
      };
    },
  });
}

function lengths(groups: readonly GroupLag[]): Sample[] {
  const byStream = new Map(groups.map(({ stream, length }) => [stream, length]));
  return [...byStream].map(([stream, value]) => ({ labels: { stream }, value }));
}

function each(groups: readonly GroupLag[], measure: (group: GroupLag) => number | null): Sample[] {
  return groups.flatMap((group) => {
    const value = measure(group);
    return value === null ? [] : [{ labels: { stream: group.stream, group: group.group }, value }];
  });
}

function seconds(ms: number | null): number {
  return (ms ?? 0) / 1000;
}
