import type { Redis } from "ioredis";
import { type GroupReader, type StreamEntry, toEntry } from "./consumer-group.ts";
import { answered } from "./redis.ts";
import { asRecord } from "./streams.ts";

/** Where an audit keeps how far it has come: beside the group, so that a failover takes both back alike. */
const KEY = "wms:audit";
const PAGE = 500;
/** Older entries are left alone: what is remembered of them need not be remembered for ever. */
const REACH_MS = 7 * 24 * 60 * 60_000;

export interface Audit {
  /** Delivered, not pending with anybody, and without effect: a consumer was deleted with them. */
  orphans: StreamEntry[];
  /** To be passed to `noteAudited` when the orphans are taken care of. */
  upTo: string;
  more: boolean;
}

/** Whether it is this process' turn: one audits for all. */
export async function claimAudit(
  redis: Redis,
  { group, name }: GroupReader,
  forMs: number,
): Promise<boolean> {
  return (await answered(redis.set(`${KEY}:${group}:turn`, name, "PX", forMs, "NX"))) === "OK";
}

/**
 * Looks through the next page of what the group has got. An entry that is not finished must be pending with somebody,
 * who will finish it, or lose it to somebody else: the audit waits before such an entry, lest it be lost later.
 */
export async function auditPage(
  redis: Redis,
  reader: GroupReader,
  findUndone: (entries: readonly StreamEntry[]) => Promise<string[]>,
): Promise<Audit> {
  const { after, last } = await findSpan(redis, reader);
  const raw = await answered(redis.xrange(reader.stream, `(${after}`, last, "COUNT", PAGE));
  const entries = raw.flatMap(toEntry);
  const undone = new Set(await findUndone(entries));
  const candidates = entries.filter((entry) => undone.has(entry.id));
  const pending = await findPending(redis, reader, candidates);
  const held = entries.findIndex((entry) => pending.has(entry.id));
  const passed = held < 0 ? entries : entries.slice(0, held);
  return {
    orphans: passed.filter((entry) => undone.has(entry.id)),
    upTo: passed.at(-1)?.id ?? (held < 0 ? last : after),
    more: held < 0 && entries.length === PAGE,
  };
}

export async function noteAudited(redis: Redis, { group }: GroupReader, upTo: string): Promise<void> {
  await answered(redis.set(`${KEY}:${group}`, upTo));
}

/** From where the last page ended to what the group got last. */
async function findSpan(redis: Redis, { stream, group }: GroupReader) {
  const groups = ((await answered(redis.xinfo("GROUPS", stream))) as unknown[][]).map(asRecord);
  const last = groups.find((one) => one["name"] === group)?.["last-delivered-id"] as string | undefined;
  const noted = await answered(redis.get(`${KEY}:${group}`));
  const oldest = Date.now() - REACH_MS;
  const after = noted !== null && Number(noted.split("-")[0]) >= oldest ? noted : `${oldest}-0`;
  return { after, last: last ?? "0-0" };
}

async function findPending(
  redis: Redis,
  { stream, group }: GroupReader,
  entries: readonly StreamEntry[],
): Promise<Set<string>> {
  const asked = redis.pipeline();
  for (const { id } of entries) asked.xpending(stream, group, id, id, 1);
  const answers = (await answered(asked.exec())) ?? [];
  const isPending = ([error, found]: [Error | null, unknown]) => {
    if (error) throw error;
    return (found as unknown[]).length > 0;
  };
  return new Set(
    entries.filter((_, nth) => isPending(answers[nth] as [Error | null, unknown])).map(({ id }) => id),
  );
}
