import { EVENTS } from "../../../src/domain/events.ts";
import type { Cluster } from "./cluster.ts";

const STREAMS = [...new Set(Object.values(EVENTS).map((event) => event.stream))];

/** Ids of the events that stand on our streams more than once. */
export async function duplicates(cluster: Cluster): Promise<string[]> {
  const ids = await cluster.withRedis(async (redis) => {
    const streams = await Promise.all(STREAMS.map((stream) => redis.xrange(stream, "-", "+")));
    return streams.flat().map(([, fields]) => fields[fields.indexOf("event_id") + 1] ?? "");
  });
  const seen = new Set<string>();
  return ids.filter((id) => seen.has(id) || !seen.add(id));
}
