import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { upsertCarriers } from "../../src/db/carriers.ts";
import type { Database } from "../../src/db/database.ts";
import { shipmentView } from "../../src/db/shipment-views.ts";
import { buyLabel } from "../../src/use-cases/shipping/buy-label.ts";
import { cancelShipment } from "../../src/use-cases/shipping/cancel-shipment.ts";
import { createShipment } from "../../src/use-cases/shipping/create-shipment.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { type LabelHost, labelCarrier, type Mishap, startLabelHost } from "../support/label-host.ts";
import { BOX, packWhole, pickedOrder } from "../support/parcels.ts";
import { freshCall, makeListings, makeWarehouses, place, type TestWarehouse } from "../support/world.ts";

const PROGRAM = fileURLToPath(new URL("../../src/cli/bin.js", import.meta.url));

let test: TestDatabase;
let db: Database;
let host: LabelHost;
let order_id: bigint;

beforeAll(async () => {
  test = await testDatabase();
  db = test.db;
  host = await startLabelHost("never");
  const [warehouse] = (await makeWarehouses(db)) as [TestWarehouse];
  await makeListings(db, [701n]);
  await place(db, warehouse, 701n, 10);
  await upsertCarriers(db, [{ code: "testship", name: "Testship" }]);
  const whole = await packWhole(db, await pickedOrder(db, 1n, [{ listing_id: 701n, quantity: 10 }]));
  await cancelShipment(db, freshCall(), { shipment_id: whole.shipment_id as bigint, reason: "in parts" });
  order_id = whole.order_id;
});
afterAll(async () => {
  await host.close();
  await test.close();
});

function labels(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const env = { PATH: process.env["PATH"], DATABASE_URL: test.url };
    execFile(
      process.execPath,
      [PROGRAM, "labels", ...args],
      { env, timeout: 50_000 },
      (error, stdout, stderr) => resolve({ code: error ? Number(error.code ?? -1) : 0, stdout, stderr }),
    );
  });
}

async function stuck(mishap: Mishap): Promise<bigint> {
  const { id } = await createShipment(db, freshCall(), {
    order_id,
    carrier_code: "testship",
    service: "",
    packages: [{ ...BOX, barcode: null }],
    items: [{ field: "items[0]", listing_id: 701n, quantity: 1 }],
  });
  host.mishaps.push(mishap);
  const carrier = labelCarrier(host.url, { repeat: "never" });
  await buyLabel(db, new Map([[carrier.code, carrier]]), { shipment_id: id });
  return id;
}

describe("warehouse labels", () => {
  it("lists what waits for somebody, and takes his word for what he found", async () => {
    const [refused, nothing, bought] = [
      await stuck(422),
      await stuck("lost before"),
      await stuck("lost after"),
    ];
    const { stdout } = await labels("list");
    expect(
      stdout
        .trimEnd()
        .split("\n")
        .map((line) => line.split("\t").slice(0, 3)),
    ).toEqual([
      [String(refused), "failed", "testship"],
      [String(nothing), "needs_review", "testship"],
      [String(bought), "needs_review", "testship"],
    ]);
    expect(stdout).toMatch(new RegExp(`wms-${bought}-[0-9a-f]{8}`));
    expect((await labels("retry", String(refused))).stdout).toBe(
      `the label of shipment ${refused} will be bought\n`,
    );
    expect(await labels("retry", String(nothing))).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("nothing_was_bought: must be true"),
    });
    expect((await labels("retry", String(nothing), "--nothing-was-bought")).code).toBe(0);
    const number = host.sold.at(-1)?.number as string;
    expect((await labels("number", String(bought), "testship", number)).code).toBe(0);
    expect(await shipmentView(db, bought)).toMatchObject({ status: "shipped", tracking_number: number });
    for (const id of [refused, nothing]) expect((await shipmentView(db, id)).label_status).toBe("requested");
    expect((await labels("list")).stdout).toBe("");
  });

  it("refuses what is none", async () => {
    expect(await labels("retry", "x")).toMatchObject({ code: 1, stderr: "no shipment x\n" });
    expect(await labels("retry", "999999")).toMatchObject({ code: 1, stderr: "no shipment 999999\n" });
  });
});
