import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { startEmbedded } from "../../src/embedded/embedded.ts";

export interface TestRedis {
  url: string;
  close(): Promise<void>;
}

/** An empty Redis that nobody else uses: a server of its own, or a free database of TEST_REDIS_URL. */
export async function testRedis(): Promise<TestRedis> {
  const given = process.env["TEST_REDIS_URL"];
  if (given) return claimDatabase(given);
  const dataDir = await mkdtemp(join(tmpdir(), "warehouse-test-redis-"));
  const need = { postgres: false, redis: true };
  const { redisUrl, stop } = await startEmbedded({ dataDir, log() {}, need, fast: true, discard: true });
  if (!redisUrl) throw new Error("the embedded Redis has no address");
  return { url: redisUrl, close: stop };
}

const DATABASES = 16;
const CLAIM_SECONDS = 900;

/** Test files run at once, so each takes a database that carries no claim. */
async function claimDatabase(server: string): Promise<TestRedis> {
  for (let number = 1; number < DATABASES; number++) {
    const url = new URL(server);
    url.pathname = `/${number}`;
    const redis = new Redis(url.href);
    const claimed = await redis.set("test:claim", process.pid, "EX", CLAIM_SECONDS, "NX");
    redis.disconnect();
    if (claimed) return { url: url.href, close: () => flush(url.href) };
  }
  throw new Error(`every database of ${server} is in use by another test`);
}

async function flush(url: string): Promise<void> {
  const redis = new Redis(url);
  await redis.flushdb();
  redis.disconnect();
}
