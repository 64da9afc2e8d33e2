import { sql } from "kysely";
import { pino } from "pino";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { dropApiCallPartitions, makeApiCallPartitions } from "../../src/db/api-call-partitions.ts";
import { insertApiCall, listApiCalls } from "../../src/db/api-calls.ts";
import type { Database } from "../../src/db/database.ts";
import { aboutCall } from "../../src/outside/call-context.ts";
import { openOutside } from "../../src/start/outside.ts";
import { createMetrics } from "../../src/telemetry/metrics.ts";
import { createOutsideMetrics } from "../../src/telemetry/outside-metrics.ts";
import { prune } from "../../src/use-cases/maintenance/prune.ts";
import { reportHost } from "../../src/use-cases/maintenance/report-host.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { type OutsideHost, startOutsideHost } from "../support/outside-host.ts";

let test: TestDatabase;
let db: Database;
const hosts: OutsideHost[] = [];
const logger = pino({ level: "silent" });

beforeAll(async () => {
  test = await testDatabase();
  db = test.db;
});
afterEach(async () => {
  for (const host of hosts.splice(0)) await host.close();
});
afterAll(() => test.close());

async function host(answer: Parameters<typeof startOutsideHost>[0]): Promise<OutsideHost> {
  const started = await startOutsideHost(answer);
  hosts.push(started);
  return started;
}

function outsideOf() {
  return openOutside({ db, logger, metrics: createOutsideMetrics(createMetrics().registry) }).outside;
}

function call(endpoint: string) {
  return {
    service: "aged",
    endpoint,
    related_id: "shipment:1",
    request_payload: {},
    response_body: "",
    status_code: 200,
    is_success: true,
    duration_ms: 1,
    attempt: 1,
  };
}

async function partitions(): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    select relname as name from pg_inherits join pg_class c on c.oid = inhrelid
    where inhparent = 'api_calls'::regclass order by relname`.execute(db);
  return rows.map(({ name }) => name);
}

describe("calls to the outside", () => {
  it("are listed newest first, by what they were about, with what came back and without secrets", async () => {
    const server = await host((_seen, response, nth) =>
      response
        .writeHead(nth === 1 ? 503 : 200, { "content-type": "application/json" })
        .end(JSON.stringify({ number: "T1", odd: "\u0000 \ud800", token: "s3cret-token" })),
    );
    const client = outsideOf()({ service: "testship", baseUrl: server.url });
    const body = JSON.stringify({ receiver: { name: "Ann Example" }, weight: 1, odd: "\u0000\ud800" });
    const headers = { authorization: "Bearer s3cret-bearer", "content-type": "application/json" };
    for (const attempt of [1, 2])
      await aboutCall({ related_id: "shipment:17", attempt }, () =>
        client.send({
          operation: "create_label",
          method: "POST",
          path: "/labels?key=s3cret-key",
          headers,
          body,
        }),
      );
    const page = { size: 10, after: 0n };
    const rows = await listApiCalls(db, { related_id: "shipment:17" }, page);
    expect(rows).toMatchObject([
      { attempt: 2, status_code: 200, is_success: true, service: "testship", endpoint: "create_label" },
      { attempt: 1, status_code: 503, is_success: false },
    ]);
    expect(rows[0]?.request_payload).toEqual({
      method: "POST",
      path: "/labels?key=***",
      headers: { "content-type": "application/json" },
      body: { receiver: { name: "***" }, weight: 1, odd: "\ufffd" },
    });
    expect(rows[0]?.response_body).toBe('{"number":"T1","odd":"\\u0000 \\ud800","token":"***"}');
    expect(await listApiCalls(db, { service: "testship", is_success: false }, page)).toHaveLength(1);
    expect(await listApiCalls(db, {}, { size: 10, after: rows[0]?.call_id as bigint })).toMatchObject([
      { attempt: 1 },
    ]);
  });

  it("are kept in a table a month, which goes as a whole", async () => {
    const now = new Date();
    const month = (back: number) => {
      const day = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - back, 1));
      return `api_calls_${day.toISOString().slice(0, 7).replace("-", "")}`;
    };
    expect(await partitions()).toEqual([month(0), month(-1), month(-2), "api_calls_default"].sort());
    for (const [name, back] of [
      ["ancient", 5],
      ["old", 3],
    ] as const) {
      await insertApiCall(db, call(name)); // into the month, then back in time
      await sql`update api_calls set created_at = date_trunc('month', now() at time zone 'UTC') at time zone 'UTC'
        - ${back} * interval '1 month' + interval '1 day' where endpoint = ${name}`.execute(db);
      const from = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - back, 1)).toISOString();
      const to = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - back + 1, 1)).toISOString();
      await sql.raw(`create table ${month(back)} (like api_calls including all)`).execute(db);
      await sql
        .raw(`with moved as (delete from api_calls_default where endpoint = '${name}' returning *)
        insert into ${month(back)} select * from moved`)
        .execute(db);
      await sql
        .raw(`alter table api_calls attach partition ${month(back)} for values from ('${from}') to ('${to}')`)
        .execute(db);
    }
    expect(await dropApiCallPartitions(db)).toBe(1);
    expect(
      (await listApiCalls(db, { service: "aged" }, { size: 10, after: 0n })).map(({ endpoint }) => endpoint),
    ).toEqual(["old"]);
    expect(await prune(db)).toMatchObject({ api_call_months_made: 0, api_call_months_dropped: 0 });
  });

  it("stay out of their month when nobody has made it in time, and go as late", async () => {
    const [next] = (await partitions()).filter((name) => name !== "api_calls_default").slice(-1);
    await sql.raw(`drop table ${next}`).execute(db);
    await insertApiCall(db, call("early"));
    await sql`update api_calls set created_at = to_timestamp(right(${next as string}, 6), 'YYYYMM') + interval '3 days' where endpoint = 'early'`.execute(
      db,
    );
    expect(await makeApiCallPartitions(db)).toBe(0);
    const left = async () => {
      const { rows } = await sql<{ endpoint: string }>`select endpoint from api_calls_default`.execute(db);
      return rows.map(({ endpoint }) => endpoint);
    };
    expect(await left()).toEqual(["early"]);
    await sql`update api_calls_default set created_at = now() - interval '123 days'`.execute(db);
    expect(await prune(db)).toMatchObject({ api_call_months_made: 1, api_calls_default: 0 });
    await sql`update api_calls_default set created_at = now() - interval '125 days'`.execute(db);
    expect(await prune(db)).toMatchObject({ api_calls_default: 1 });
    expect(await left()).toEqual([]);
  });
});

describe("a host that stays away", () => {
  const down_since = new Date("2027-01-01T00:00:00Z");
  const change = { service: "fedex", host: "apis.fedex.test" };
  const after = (minutes: number) => new Date(down_since.getTime() + minutes * 60_000);
  const open = async () => {
    const { rows } = await sql<{ summary: string }>`
      select summary from alerts where name = 'outside_host_down' and resolved_at is null`.execute(db);
    return rows.map(({ summary }) => summary);
  };

  it("is told of once it has been away for five minutes, until it is back", async () => {
    await reportHost(db, { ...change, state: "open", down_since }, after(4));
    expect(await open()).toEqual([]);
    await reportHost(db, { ...change, state: "half_open", down_since }, after(6));
    await reportHost(db, { ...change, state: "open", down_since }, after(7));
    expect(await open()).toEqual(["fedex (apis.fedex.test) has not answered for 7 minutes"]);
    await reportHost(db, { ...change, state: "closed", down_since: null }, after(8));
    expect(await open()).toEqual([]);
  });
});
