import { readdirSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { sql } from "kysely";
import type { Random } from "../../../src/cli/demo/random.ts";
import { EVENTS, ORDER_STREAM } from "../../../src/domain/events.ts";
import type { Cluster } from "./cluster.ts";

/** Something that goes wrong, and is over, or left for the healing, when it returns. */
export type Mishap = (cluster: Cluster, random: Random) => Promise<void>;

const HOUR_MS = 3_600_000;
const STREAMS = [...new Set(Object.values(EVENTS).map((event) => event.stream)), ORDER_STREAM];
const FAILPOINTS = [
  "transaction.written",
  "transaction.committed",
  "consumer.taken",
  "relay.read",
  "relay.published",
  "label.claimed",
  "label.bought",
];

/** Everything that can happen at any time, by its name in the log. */
export const MISHAPS: Readonly<Record<string, Mishap>> = {
  "a service is killed": async ({ services }, random) => random.pick(services).signal("SIGKILL"),
  "a service is asked to end": async ({ services }, random) => random.pick(services).signal("SIGTERM"),
  "a service freezes": async ({ services }, random) => {
    const service = random.pick(services);
    service.signal("SIGSTOP");
    await delay(1_000 + random.below(12_000));
    service.signal("SIGCONT");
  },
  "a service dies at a failpoint": async ({ services }, random) => {
    const service = random.pick(services);
    service.plan(`${random.pick(FAILPOINTS)}:${1 + random.below(20)}:kill`);
    await service.replace();
  },
  "a service has a wrong clock": async ({ services }, random) => {
    const service = random.pick(services);
    service.shiftClock(random.pick([-HOUR_MS, HOUR_MS]));
    await service.replace();
  },
  "PostgreSQL is killed": async ({ postgres }, random) => {
    await postgres.kill();
    await delay(random.below(3_000));
    await postgres.revive();
  },
  "PostgreSQL freezes": async ({ postgres }, random) => {
    postgres.freeze();
    await delay(1_000 + random.below(7_000));
    postgres.thaw();
  },
  "backends are terminated": async ({ db }) => {
    await sql`select pg_terminate_backend(pid) from pg_stat_activity
      where application_name like 'warehouse%' and random() < 0.6`.execute(db);
  },
  "PostgreSQL's lines go dead": async ({ postgres }) => postgres.proxy.blackHole(),
  "PostgreSQL's answers are lost": async ({ postgres }) => postgres.proxy.deafen(),
  "the reply to a COMMIT is lost": async ({ postgres }) => postgres.proxy.dropNextReply(/commit/i),
  "PostgreSQL is cut off": async ({ postgres }, random) => {
    postgres.proxy.cut();
    await delay(500 + random.below(4_000));
    postgres.proxy.mend();
  },
  "PostgreSQL is far away": async ({ postgres }, random) => {
    postgres.proxy.delay(random.pick([5, 20, 60]));
    await delay(3_000);
    postgres.proxy.mend();
  },
  "Redis is killed": async ({ redis }, random) => {
    await redis.kill();
    await delay(random.below(5_000));
    await redis.revive();
  },
  "Redis freezes": async ({ redis }, random) => {
    redis.freeze();
    await delay(1_000 + random.below(8_000));
    redis.thaw();
  },
  "Redis forgets the end": async ({ redis }, random) => {
    await redis.kill();
    truncateLog(redis.dataDir, 0.05 + random.next() * 0.4);
    await redis.revive();
  },
  "Redis is emptied": (cluster) => cluster.withRedis(async (redis) => void (await redis.flushall())),
  "a stream is trimmed": (cluster, random) =>
    cluster.withRedis(
      async (redis) => void (await redis.xtrim(random.pick(STREAMS), "MAXLEN", random.below(20))),
    ),
  "Redis' lines go dead": async ({ redis }) => redis.proxy.blackHole(),
  "the reply to a publication is lost": async ({ redis }) => redis.proxy.dropNextReply(/evalsha|xadd/i),
  "the reply to a read is lost": async ({ redis }) => redis.proxy.dropNextReply(/xreadgroup/i),
  "Redis is cut off": async ({ redis }, random) => {
    redis.proxy.cut();
    await delay(500 + random.below(4_000));
    redis.proxy.mend();
  },
  "nonsense is sent": (cluster, random) =>
    cluster.withRedis(async (redis) => {
      await redis.xadd(ORDER_STREAM, "*", "type", "order.confirmed", "order_id", `x${random.below(1e9)}`);
      await redis.xadd(ORDER_STREAM, "*", "nonsense", String(random.next()));
    }),
};

/** Cuts the share off the end of what Redis wrote last. */
export function truncateLog(dataDir: string, share: number): void {
  const dir = join(dataDir, "redis", "appendonlydir");
  const file = readdirSync(dir).find((name) => name.endsWith(".incr.aof"));
  if (!file) throw new Error(`no log in ${dir}`);
  const path = join(dir, file);
  truncateSync(path, Math.floor(statSync(path).size * (1 - share)));
}
