import type { Redis } from "ioredis";
import { afterEach, beforeEach, expect, it } from "vitest";
import { appendEvents } from "../../src/db/outbox.ts";
import { inTransaction } from "../../src/db/transaction.ts";
import { CONSUMER_GROUP, event, ORDER_STREAM } from "../../src/domain/events.ts";
import { readStreamLag } from "../../src/events/stream-lag.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { type TestRedis, testRedis } from "../support/redis.ts";
import { openRedis } from "../support/streams.ts";
import { until } from "../support/until.ts";

const PICKING = "wms:events:picking";

let test: TestDatabase;
let server: TestRedis;
let redis: Redis;

beforeEach(async () => {
  [test, server] = await Promise.all([testDatabase(), testRedis()]);
  redis = openRedis(server.url);
});
afterEach(async () => {
  redis.disconnect();
  await Promise.all([test.close(), server.close()]);
});

it("says of each group what it has not got, and not finished, and of the outbox what waits", async () => {
  expect(await readStreamLag(redis, test.db)).toEqual({
    streams: [],
    outbox: { unpublished: 0, oldest_age_ms: null },
  });

  await redis.xgroup("CREATE", ORDER_STREAM, CONSUMER_GROUP, "0", "MKSTREAM");
  for (const number of [1, 2, 3]) await redis.xadd(PICKING, `${number}-0`, "type", "picking.created");
  await redis.xgroup("CREATE", PICKING, "one", "0");
  await redis.xgroup("CREATE", PICKING, "two", "0");
  await redis.xreadgroup("GROUP", "one", "worker", "COUNT", 2, "STREAMS", PICKING, ">");
  await inTransaction(test.db, (trx) =>
    appendEvents(trx, [
      event("shipment.created", { shipment_id: 5 }),
      event("shipment.created", { shipment_id: 6 }),
    ]),
  );
  const { streams, outbox } = await until("something has waited", async () => {
    const lag = await readStreamLag(redis, test.db);
    const idle = lag.streams.find(({ group }) => group === "one")?.oldest_pending_idle_ms ?? 0;
    return idle > 0 && (lag.outbox.oldest_age_ms ?? 0) > 0 && lag;
  });
  expect(outbox).toEqual({ unpublished: 2, oldest_age_ms: expect.any(Number) });
  expect(streams).toEqual([
    expect.objectContaining({
      stream: ORDER_STREAM,
      group: CONSUMER_GROUP,
      length: 0,
      oldest_waiting_ms: null,
      pending: 0,
      consumers: 0,
    }),
    {
      stream: PICKING,
      group: "one",
      length: 3,
      lag: 1,
      oldest_waiting_ms: expect.any(Number),
      pending: 2,
      oldest_pending_idle_ms: expect.any(Number),
      consumers: 1,
      last_delivered_id: "2-0",
    },
    {
      stream: PICKING,
      group: "two",
      length: 3,
      lag: 3,
      oldest_waiting_ms: expect.any(Number),
      pending: 0,
      oldest_pending_idle_ms: null,
      consumers: 0,
      last_delivered_id: "0-0",
    },
  ]);
});
