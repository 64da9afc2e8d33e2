import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { sql } from "kysely";
import { pino } from "pino";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import {
  type Carrier,
  CarrierRefusal,
  type Carriers,
  CarrierUnavailable,
} from "../../src/carriers/carrier.ts";
import { Random } from "../../src/cli/demo/random.ts";
import type { AlertRule } from "../../src/db/alert-rule.ts";
import { ALERT_RULES, findByRule } from "../../src/db/alert-rules.ts";
import { upsertCarriers } from "../../src/db/carriers.ts";
import type { Database } from "../../src/db/database.ts";
import { shipmentView } from "../../src/db/shipment-views.ts";
import { startJobs } from "../../src/jobs/jobs.ts";
import { aboutCall } from "../../src/outside/call-context.ts";
import type { BreakerChange } from "../../src/outside/host-guard.ts";
import { createOutside } from "../../src/outside/outside-client.ts";
import { assignTracking } from "../../src/use-cases/shipping/assign-tracking.ts";
import { buyLabel } from "../../src/use-cases/shipping/buy-label.ts";
import { cancelShipment } from "../../src/use-cases/shipping/cancel-shipment.ts";
import { createShipment } from "../../src/use-cases/shipping/create-shipment.ts";
import { retryLabel } from "../../src/use-cases/shipping/retry-label.ts";
import { voidLabel } from "../../src/use-cases/shipping/void-label.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import {
  type LabelCarrierOptions,
  type LabelHost,
  labelCarrier,
  type Mishap,
  startLabelHost,
} from "../support/label-host.ts";
import { BOX as MEASURES, packWhole, pickedOrder } from "../support/parcels.ts";
import { until } from "../support/until.ts";
import { freshCall, makeListings, makeWarehouses, place, type TestWarehouse } from "../support/world.ts";

const seed = Number(process.env["SEED"] ?? Date.now() % 1_000_000);
/** LABEL_PURCHASES=200 and more, for as long as one likes. */
const PURCHASES = Number(process.env["LABEL_PURCHASES"] ?? 40);
const UNITS = 2_000;
const BOX = { ...MEASURES, barcode: null };

let test: TestDatabase;
let db: Database;
/** Of so many units, one for each shipment. */
let order_id: bigint;
const opened: { close(): Promise<void> }[] = [];
const processes: ChildProcess[] = [];

beforeAll(async () => {
  test = await testDatabase();
  db = test.db;
  const [warehouse] = (await makeWarehouses(db)) as [TestWarehouse];
  await makeListings(db, [801n]);
  await place(db, warehouse, 801n, UNITS);
  await upsertCarriers(db, [{ code: "testship", name: "Testship" }]);
  const whole = await packWhole(db, await pickedOrder(db, 1n, [{ listing_id: 801n, quantity: UNITS }]));
  order_id = whole.order_id;
  await cancelShipment(db, freshCall(), {
    shipment_id: whole.shipment_id as bigint,
    reason: "in many parts",
  });
});
afterEach(async () => {
  for (const child of processes.splice(0)) child.kill("SIGKILL");
  for (const one of opened.splice(0)) await one.close();
});
afterAll(() => test.close());

async function host(repeat: LabelCarrierOptions["repeat"]): Promise<LabelHost> {
  const started = await startLabelHost(repeat);
  opened.push(started);
  return started;
}

function only(carrier: Carrier): Carriers {
  return new Map([[carrier.code, carrier]]);
}

async function shipment(boxes = 1): Promise<bigint> {
  const made = await createShipment(db, freshCall(), {
    order_id,
    carrier_code: "testship",
    service: "",
    packages: Array.from({ length: boxes }, () => BOX),
    items: [{ field: "items[0]", listing_id: 801n, quantity: 1 }],
  });
  return made.id;
}

/** Tries as the job would, without its pauses. */
async function tryUntilSettled(shipment_id: bigint, carriers: Carriers): Promise<string> {
  for (let attempt = 1; attempt <= 20; attempt++) {
    const outcome = await buyLabel(db, carriers, { shipment_id }).catch(() => undefined);
    if (outcome !== undefined) return outcome;
  }
  throw new Error(`shipment ${shipment_id} is not settled after 20 tries`);
}

async function attemptsOf(shipment_id: bigint) {
  const { rows } = await sql<{ id: bigint; reference: string; status: string; claim: number; tries: number }>`
    select id, reference, status, claim, tries from label_attempts where shipment_id = ${shipment_id} order by id`.execute(
    db,
  );
  return rows;
}

function alertsOf(name: string) {
  return findByRule(db, ALERT_RULES.find((rule) => rule.name === name) as AlertRule);
}

function soldTo(label_host: LabelHost, references: readonly string[]) {
  return label_host.sold.filter((label) => references.includes(label.reference) && !label.voided);
}

/** A carrier that does it, or answers, only when it is told to. */
function slowly(carrier: Carrier, when: "before" | "after"): { slow: Carrier; answer: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const createLabel: Carrier["createLabel"] = async (request) => {
    if (when === "before") await promise;
    const purchase = await carrier.createLabel(request);
    await promise;
    return purchase;
  };
  return { slow: { ...carrier, createLabel }, answer: resolve };
}

/** What other tests have left to be done is not done here. */
function dropJobs() {
  return sql`select graphile_worker.complete_jobs(array_agg(id)) from graphile_worker.jobs`.execute(db);
}

/** The time in which somebody else may be at it is over. */
function forget(shipment_id: bigint) {
  return sql`update label_attempts set claimed_until = now() - interval '1 second' where shipment_id = ${shipment_id}`.execute(
    db,
  );
}

describe(`row 43: a purchase whose answer is lost, ${PURCHASES} times (seed ${seed})`, () => {
  const mishaps: Mishap[] = ["lost after", "lost before", "garbled after", "lost after", 503, 429];

  it.each(["idempotent", "lookup"] as const)("buys one label where the carrier is %s", async (repeat) => {
    const label_host = await host(repeat);
    const carriers = only(labelCarrier(label_host.url, { repeat }));
    const random = new Random(seed);
    for (let nth = 0; nth < PURCHASES; nth++) {
      const shipment_id = await shipment(1 + random.below(3));
      const more = Array.from({ length: random.below(3) }, () => random.pick(mishaps));
      label_host.mishaps.splice(
        0,
        Number.POSITIVE_INFINITY,
        random.pick(["lost after", "garbled after"]),
        ...more,
      );
      expect(await tryUntilSettled(shipment_id, carriers)).toBe("bought");
      const view = await shipmentView(db, shipment_id);
      const attempts = await attemptsOf(shipment_id);
      expect(attempts, "one purchase, however often it was tried").toHaveLength(1);
      const sold = soldTo(
        label_host,
        attempts.map(({ reference }) => reference),
      );
      expect(
        sold.map(({ box }) => box).toSorted((a, b) => a - b),
        `shipment ${shipment_id}`,
      ).toEqual(view.packages.map((_, at) => at + 1));
      expect(view.packages.map((box) => box.tracking_number)).toEqual(
        sold.toSorted((a, b) => a.box - b.box).map(({ number }) => number),
      );
      expect(view.label_status).toBe("created");
    }
  });

  it("stops for a human where the carrier offers nothing, and never buys blindly", async () => {
    const label_host = await host("never");
    const carriers = only(labelCarrier(label_host.url, { repeat: "never" }));
    const random = new Random(seed);
    for (let nth = 0; nth < PURCHASES; nth++) {
      const shipment_id = await shipment();
      const before: Mishap[] = Array.from({ length: random.below(3) }, () => random.pick([503, 429]));
      const lost = random.pick(["lost after", "lost before", "garbled after"] as const);
      label_host.mishaps.splice(0, Number.POSITIVE_INFINITY, ...before, lost);
      const calls = label_host.calls("/labels");
      expect(await tryUntilSettled(shipment_id, carriers)).toBe("in_doubt");
      expect(label_host.calls("/labels") - calls, "and not one call more").toBe(before.length + 1);
      for (let again = 0; again < 3; again++)
        expect(await buyLabel(db, carriers, { shipment_id })).toBe("nothing");
      const [attempt] = await attemptsOf(shipment_id);
      expect(soldTo(label_host, [attempt?.reference ?? ""]).length).toBe(lost === "lost before" ? 0 : 1);
      const view = await shipmentView(db, shipment_id);
      expect(view).toMatchObject({ label_status: "needs_review", status: "ready", tracking_number: null });
      expect(view.events.at(-1)).toMatchObject({
        event_type: "LABEL_NEEDS_REVIEW",
        payload_json: { carrier_code: "testship", reference: attempt?.reference },
      });
    }
    const [alert] = await alertsOf("label_in_doubt");
    expect(Number(alert?.labels["total"])).toBeGreaterThanOrEqual(PURCHASES);
  });
});

describe("a purchase", () => {
  it("is made by one of many who try at once", async () => {
    for (const repeat of ["idempotent", "lookup", "never"] as const) {
      const label_host = await host(repeat);
      const carriers = only(labelCarrier(label_host.url, { repeat, timeoutMs: 5_000 }));
      const shipment_id = await shipment();
      const tries = await Promise.allSettled(
        Array.from({ length: 12 }, () => buyLabel(db, carriers, { shipment_id })),
      );
      expect(tries.filter((one) => one.status === "fulfilled" && one.value === "bought")).toHaveLength(1);
      for (const one of tries)
        if (one.status === "rejected") expect(one.reason).toMatchObject({ name: "LabelBusy" });
      expect(label_host.calls("/labels")).toBe(1);
    }
  });

  it("is not called for any more by a worker whose time is over", async () => {
    const label_host = await host("lookup");
    const carrier = labelCarrier(label_host.url, { repeat: "lookup" });
    const shipment_id = await shipment();
    const { slow, answer } = slowly(carrier, "before");
    // As a process that is stopped between its claim and its call, and goes on when its time is long over.
    const late = buyLabel(db, only(slow), {
      shipment_id,
      calling: (_until, call) =>
        aboutCall({ related_id: "", attempt: 1, until: performance.now() + 50 }, call),
    });
    await until("the claim", async () => (await attemptsOf(shipment_id))[0]?.claim === 1);
    await forget(shipment_id);
    expect(await buyLabel(db, only(carrier), { shipment_id })).toBe("bought");
    const over = performance.now() + 60;
    await until("its time is over", async () => performance.now() > over || undefined);
    answer();
    await expect(late).rejects.toThrow("too late");
    expect(label_host.sold).toHaveLength(1);
    expect((await attemptsOf(shipment_id))[0]).toMatchObject({ status: "bought", claim: 2 });
  });

  it("counts when its answer comes late, though somebody else has been told the same", async () => {
    const label_host = await host("idempotent");
    const carrier = labelCarrier(label_host.url, { repeat: "idempotent" });
    const shipment_id = await shipment();
    const { slow, answer } = slowly(carrier, "after");
    const first = buyLabel(db, only(slow), { shipment_id });
    await until("the sale", async () => label_host.sold.length === 1);
    await forget(shipment_id);
    expect(await buyLabel(db, only(carrier), { shipment_id })).toBe("bought");
    answer();
    expect(await first).toBe("bought");
    const { events } = await shipmentView(db, shipment_id);
    expect(events.filter(({ event_type }) => event_type === "LABEL_CREATED")).toHaveLength(1);
    expect(soldTo(label_host, [(await attemptsOf(shipment_id))[0]?.reference ?? ""])).toHaveLength(1);
  });

  it("is settled by its own answer, when that comes while a human is being waited for", async () => {
    const label_host = await host("never");
    const carrier = labelCarrier(label_host.url, { repeat: "never", timeoutMs: 5_000 });
    const shipment_id = await shipment();
    const { slow, answer } = slowly(carrier, "after");
    const first = buyLabel(db, only(slow), { shipment_id });
    await until("the sale", async () => label_host.sold.length === 1);
    await forget(shipment_id);
    expect(await buyLabel(db, only(carrier), { shipment_id })).toBe("in_doubt");
    answer();
    expect(await first).toBe("bought");
    expect(await shipmentView(db, shipment_id)).toMatchObject({
      label_status: "created",
      tracking_number: label_host.sold[0]?.number,
    });
  });

  it("is given back when its answer comes after somebody said that nothing was bought", async () => {
    const label_host = await host("never");
    const carrier = labelCarrier(label_host.url, { repeat: "never", timeoutMs: 5_000 });
    const shipment_id = await shipment();
    const { slow, answer } = slowly(carrier, "after");
    const first = buyLabel(db, only(slow), { shipment_id });
    await until("the sale", async () => label_host.sold.length === 1);
    await forget(shipment_id);
    await buyLabel(db, only(carrier), { shipment_id });
    await retryLabel(db, freshCall(), { shipment_id, nothing_was_bought: true });
    expect(await buyLabel(db, only(carrier), { shipment_id })).toBe("bought");
    answer();
    await first;
    await voidLabel(db, only(carrier), { shipment_id });
    expect(label_host.sold.map(({ voided }) => voided)).toEqual([true, false]);
    expect((await attemptsOf(shipment_id)).map(({ status }) => status)).toEqual(["voided", "bought"]);
    expect((await shipmentView(db, shipment_id)).tracking_number).toBe(label_host.sold[1]?.number);
  });

  it("that the carrier refuses is over, until somebody asks again, under another reference", async () => {
    const label_host = await host("idempotent");
    const carriers = only(labelCarrier(label_host.url, { repeat: "idempotent" }));
    const shipment_id = await shipment();
    label_host.mishaps.push(422);
    expect(await buyLabel(db, carriers, { shipment_id })).toBe("refused");
    expect(await shipmentView(db, shipment_id)).toMatchObject({ label_status: "failed", status: "ready" });
    expect(await buyLabel(db, carriers, { shipment_id })).toBe("nothing");
    await retryLabel(db, freshCall(), { shipment_id, nothing_was_bought: false });
    expect(await buyLabel(db, carriers, { shipment_id })).toBe("bought");
    const attempts = await attemptsOf(shipment_id);
    expect(attempts.map(({ status }) => status)).toEqual(["refused", "bought"]);
    expect(new Set(attempts.map(({ reference }) => reference)).size).toBe(2);
  });

  it("that is refused after its answer was lost may have been made: a human looks", async () => {
    const label_host = await host("idempotent");
    const carriers = only(labelCarrier(label_host.url, { repeat: "idempotent" }));
    const shipment_id = await shipment();
    label_host.mishaps.push("lost after", 403);
    await expect(buyLabel(db, carriers, { shipment_id })).rejects.toThrow();
    expect(await buyLabel(db, carriers, { shipment_id })).toBe("in_doubt");
    expect((await shipmentView(db, shipment_id)).label_status).toBe("needs_review");
  });

  it("stays in doubt when the look-up fails, whatever the look-up says", async () => {
    const label_host = await host("lookup");
    const carrier = labelCarrier(label_host.url, { repeat: "lookup" });
    const shipment_id = await shipment();
    label_host.mishaps.push("lost after");
    await expect(buyLabel(db, only(carrier), { shipment_id })).rejects.toThrow();
    for (const error of [
      new CarrierRefusal("who are you?"),
      new CarrierUnavailable("not now"),
      new Error("?"),
    ]) {
      const blind: Carrier = { ...carrier, findByReference: () => Promise.reject(error) };
      await expect(buyLabel(db, only(blind), { shipment_id })).rejects.toThrow(error.message);
      expect((await attemptsOf(shipment_id))[0]?.status).toBe("calling");
    }
    expect(await buyLabel(db, only(carrier), { shipment_id })).toBe("bought");
    expect(label_host.sold).toHaveLength(1);
  });

  it("is looked up only when what was bought can be seen", async () => {
    const label_host = await host("lookup");
    const carriers = only(labelCarrier(label_host.url, { repeat: "lookup", settleSeconds: 30 }));
    const shipment_id = await shipment();
    label_host.mishaps.push("lost after");
    await expect(buyLabel(db, carriers, { shipment_id })).rejects.toThrow();
    const early = await buyLabel(db, carriers, { shipment_id }).catch((error: unknown) => error);
    expect(early).toMatchObject({ name: "LabelBusy", retryAfterSeconds: 30 });
    await sql`update label_attempts set last_called_at = now() - interval '31 seconds' where shipment_id = ${shipment_id}`.execute(
      db,
    );
    expect(await buyLabel(db, carriers, { shipment_id })).toBe("bought");
    expect(label_host.sold).toHaveLength(1);
  });

  it("of several boxes, of which only some were sold, is completed", async () => {
    const label_host = await host("lookup");
    const carrier = labelCarrier(label_host.url, { repeat: "lookup" });
    const shipment_id = await shipment(3);
    const half: Carrier = {
      ...carrier,
      createLabel: async (request) => {
        await carrier.createLabel({ ...request, packages: request.packages.slice(0, 2) });
        throw new Error("the line broke after the second box");
      },
    };
    await expect(buyLabel(db, only(half), { shipment_id })).rejects.toThrow("second box");
    expect(await buyLabel(db, only(carrier), { shipment_id })).toBe("bought");
    expect(label_host.sold.map(({ box }) => box)).toEqual([1, 2, 3]);
  });

  it("under a number that another parcel travels under is for somebody to see", async () => {
    const label_host = await host("idempotent");
    const carrier = labelCarrier(label_host.url, { repeat: "idempotent" });
    const first = await shipment();
    await buyLabel(db, only(carrier), { shipment_id: first });
    const purchase = await carrier.createLabel({
      reference: "another",
      packages: [{ ...MEASURES, sequence_number: 1 }],
    } as never);
    const labels = purchase.labels.map((label) => ({
      ...label,
      tracking_number: label_host.sold[0]?.number as string,
    }));
    const mistaken: Carrier = { ...carrier, createLabel: async () => ({ labels }) };
    const shipment_id = await shipment();
    await buyLabel(db, only(mistaken), { shipment_id });
    const { label_status, events } = await shipmentView(db, shipment_id);
    expect(label_status).toBe("needs_review");
    expect(JSON.stringify(events.at(-1)?.payload_json)).toContain(`which is that of shipment ${first}`);
  });
});

describe("somebody who has looked", () => {
  async function inDoubt(mishap: Mishap) {
    const label_host = await host("never");
    const carriers = only(labelCarrier(label_host.url, { repeat: "never" }));
    const shipment_id = await shipment();
    label_host.mishaps.push(mishap);
    expect(await buyLabel(db, carriers, { shipment_id })).toBe("in_doubt");
    return { label_host, carriers, shipment_id };
  }

  it("says that nothing was bought, and it is bought anew", async () => {
    const { label_host, carriers, shipment_id } = await inDoubt("lost before");
    await expect(
      retryLabel(db, freshCall(), { shipment_id, nothing_was_bought: false }),
    ).rejects.toMatchObject({ reason: "INVALID_FIELD", metadata: { field: "nothing_was_bought" } });
    const call = freshCall();
    const asked = await retryLabel(db, call, { shipment_id, nothing_was_bought: true });
    expect(asked).toMatchObject({ label_status: "requested" });
    expect(await retryLabel(db, call, { shipment_id, nothing_was_bought: true })).toEqual(asked);
    expect(await buyLabel(db, carriers, { shipment_id })).toBe("bought");
    expect(label_host.sold).toHaveLength(1);
    await expect(
      retryLabel(db, freshCall(), { shipment_id, nothing_was_bought: true }),
    ).rejects.toMatchObject({ reason: "ILLEGAL_TRANSITION", metadata: { from: "created" } });
  });

  it("says what was bought, and it is kept", async () => {
    const { label_host, carriers, shipment_id } = await inDoubt("lost after");
    const tracking_number = label_host.sold[0]?.number as string;
    const under = { carrier_code: "testship", tracking_number };
    expect(await assignTracking(db, freshCall(), { shipment_id, ...under })).toMatchObject({
      ...under,
      status: "shipped",
      label_status: "none",
    });
    await voidLabel(db, carriers, { shipment_id });
    expect(label_host.sold).toMatchObject([{ voided: false }]);
    expect((await attemptsOf(shipment_id))[0]?.status).toBe("bought");
  });

  it("cancels, or sends it by another carrier, and whatever was bought is to be given back", async () => {
    const { carriers, shipment_id } = await inDoubt("lost after");
    await cancelShipment(db, freshCall(), { shipment_id, reason: "enough" });
    await voidLabel(db, carriers, { shipment_id });
    expect((await attemptsOf(shipment_id))[0]?.status).toBe("voided");
    const other = await inDoubt("lost before");
    const under = { carrier_code: "other", tracking_number: `O-${other.shipment_id}` };
    const sent = await assignTracking(db, freshCall(), { shipment_id: other.shipment_id, ...under });
    expect(sent.label_status).toBe("voided");
  });
});

describe("giving a label back", () => {
  it("tells the carrier which one, as the carrier calls it", async () => {
    const label_host = await host("idempotent");
    const carrier = labelCarrier(label_host.url, { repeat: "idempotent" });
    const shipment_id = await shipment(2);
    await buyLabel(db, only(carrier), { shipment_id });
    await cancelShipment(db, freshCall(), { shipment_id, reason: "test" });
    const asked: unknown[] = [];
    const listening: Carrier = { ...carrier, voidLabel: async (label) => void asked.push(label) };
    await voidLabel(db, only(listening), { shipment_id });
    await voidLabel(db, only(listening), { shipment_id });
    const numbers = label_host.sold.map(({ number }) => number);
    const [attempt] = await attemptsOf(shipment_id);
    expect(asked).toEqual([
      {
        reference: attempt?.reference,
        tracking_numbers: numbers,
        carrier_reference: `purchase of ${numbers.join("+")}`,
        request: expect.any(Function),
      },
    ]);
    expect(attempt?.status).toBe("voided");
  });

  it("finds out first what was bought, where the carrier can tell", async () => {
    const label_host = await host("lookup");
    const carrier = labelCarrier(label_host.url, { repeat: "lookup" });
    const shipment_id = await shipment();
    label_host.mishaps.push("lost after");
    await expect(buyLabel(db, only(carrier), { shipment_id })).rejects.toThrow();
    await cancelShipment(db, freshCall(), { shipment_id, reason: "test" });
    await voidLabel(db, only(carrier), { shipment_id });
    expect(label_host.sold).toMatchObject([{ voided: true }]);
  });

  it("waits for whoever is buying it, and learns from him what it is", async () => {
    const label_host = await host("never");
    const carrier = labelCarrier(label_host.url, { repeat: "never", timeoutMs: 5_000 });
    const shipment_id = await shipment();
    const { slow, answer } = slowly(carrier, "before");
    const buying = buyLabel(db, only(slow), { shipment_id });
    await until("the claim", async () => (await attemptsOf(shipment_id))[0]?.claim === 1);
    await cancelShipment(db, freshCall(), { shipment_id, reason: "meanwhile" });
    await expect(voidLabel(db, only(carrier), { shipment_id })).rejects.toMatchObject({ name: "LabelBusy" });
    answer();
    await buying;
    await voidLabel(db, only(carrier), { shipment_id });
    expect(label_host.sold).toMatchObject([{ voided: true }]);
    expect(await shipmentView(db, shipment_id)).toMatchObject({
      status: "cancelled",
      label_status: "voided",
    });
  });

  it("is told to somebody when the carrier does not take it back", async () => {
    const label_host = await host("idempotent");
    const carrier = labelCarrier(label_host.url, { repeat: "idempotent" });
    const shipment_id = await shipment();
    await buyLabel(db, only(carrier), { shipment_id });
    await cancelShipment(db, freshCall(), { shipment_id, reason: "test" });
    const stubborn: Carrier = {
      ...carrier,
      voidLabel: () => Promise.reject(new CarrierRefusal("on its way")),
    };
    await voidLabel(db, only(stubborn), { shipment_id });
    await voidLabel(db, only(stubborn), { shipment_id }); // and not asked for ever
    expect(await alertsOf("label_not_voided")).toMatchObject([
      { labels: { shipment_id: String(shipment_id), carrier_code: "testship" } },
    ]);
  });
});

describe("row 44: a carrier that answers with nothing but 500", () => {
  it("is left in peace, and everything is bought, once, when it is back", async () => {
    const label_host = await host("idempotent");
    const changes: BreakerChange[] = [];
    const outside = createOutside(
      { record: async () => {}, breakerChanged: (change) => void changes.push(change) },
      { failures: 3, restMs: 200, longestRestMs: 1_000 },
    );
    label_host.outage = 500;
    await dropJobs();
    const shipments = await Promise.all(Array.from({ length: 25 }, () => shipment()));
    const jobs = await startJobs({
      databaseUrl: test.url,
      db,
      carriers: only(labelCarrier(label_host.url, { repeat: "idempotent", outside })),
      channels: {},
      logger: pino({ level: "silent" }),
      trackingPollSeconds: 60,
    });
    opened.unshift({ close: () => jobs.stop() });
    const tries = async () => {
      const { rows } = await sql<{
        tries: number;
      }>`select coalesce(sum(tries), 0)::int as tries from label_attempts
        where shipment_id = any(${shipments}::bigint[])`.execute(db);
      return rows[0]?.tries ?? 0;
    };
    await until("everybody has tried twice", async () => (await tries()) >= 50, 30_000);
    const asked = label_host.calls("/labels");
    expect(asked, "of all these tries hardly any reached the host").toBeLessThan(25);
    expect(changes.map(({ state }) => state)).toContain("open");
    label_host.outage = undefined;
    for (const shipment_id of shipments)
      await until(
        "the label",
        async () => (await shipmentView(db, shipment_id)).label_status === "created",
        40_000,
      );
    expect(changes.at(-1)?.state).toBe("closed");
    expect(label_host.sold).toHaveLength(shipments.length);
  });
});

describe("a process that dies", () => {
  const worker = fileURLToPath(new URL("../support/label-worker.ts", import.meta.url));
  const hook = fileURLToPath(new URL("../fault/harness/fault-hook.ts", import.meta.url));

  function start(label_host: LabelHost, repeat: string, failpoints = "") {
    const child = fork(worker, [test.url, label_host.url, repeat], {
      execArgv: ["--import", hook],
      env: { ...process.env, FAILPOINTS: failpoints },
    });
    processes.push(child);
    return child;
  }

  it.each([
    ["label.claimed", "idempotent", "created"],
    ["label.bought", "idempotent", "created"],
    ["label.claimed", "lookup", "created"],
    ["label.bought", "lookup", "created"],
    ["label.claimed", "never", "needs_review"],
    ["label.bought", "never", "needs_review"],
  ] as const)("at %s leaves one label at most: the carrier is %s", async (failpoint, repeat, final) => {
    const label_host = await host(repeat);
    await dropJobs();
    const shipment_id = await shipment();
    const doomed = start(label_host, repeat, `${failpoint}:1:kill`);
    await once(doomed, "exit");
    expect(label_host.sold).toHaveLength(failpoint === "label.bought" ? 1 : 0);
    start(label_host, repeat);
    await until(
      "the next one finds that somebody may be at it",
      async () => {
        const { rows } = await sql<{ last_error: string }>`select last_error from graphile_worker.jobs
        where key = ${`buy_label:${shipment_id}`}`.execute(db);
        return rows[0]?.last_error?.includes("is being seen to");
      },
      30_000,
    );
    await forget(shipment_id);
    await sql`select graphile_worker.reschedule_jobs(array_agg(id), run_at => now()) from graphile_worker.jobs
      where key = ${`buy_label:${shipment_id}`} and locked_at is null`.execute(db);
    await until(
      "the label",
      async () => (await shipmentView(db, shipment_id)).label_status === final,
      30_000,
    );
    expect(label_host.sold.length).toBe(failpoint === "label.bought" || final === "created" ? 1 : 0);
  });
});
