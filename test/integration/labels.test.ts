import { createHash } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import fc from "fast-check";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BoughtLabel, Carriers } from "../../src/carriers/carrier.ts";
import { createMockCarrier } from "../../src/carriers/mock/mock-carrier.ts";
import type { Database } from "../../src/db/database.ts";
import { type PackingTaskView, packingTaskView } from "../../src/db/packing-views.ts";
import { shipmentView } from "../../src/db/shipment-views.ts";
import { gs1Digit } from "../../src/domain/check-digits.ts";
import type { LabelMedia } from "../../src/domain/label.ts";
import { isSscc } from "../../src/domain/tracking-numbers.ts";
import type { LabelFormat } from "../../src/domain/vocabulary.ts";
import { renderLabel, renderLabels } from "../../src/labels/render.ts";
import { createLabelRoute } from "../../src/rpc/label-route.ts";
import { upsertWarehouses } from "../../src/use-cases/catalogue/upsert-warehouses.ts";
import { addPackage } from "../../src/use-cases/packing/add-package.ts";
import { completePackingTask } from "../../src/use-cases/packing/complete-packing-task.ts";
import { createLabelReader } from "../../src/use-cases/packing/label-store.ts";
import { printLabel } from "../../src/use-cases/packing/print-label.ts";
import { assignTracking } from "../../src/use-cases/shipping/assign-tracking.ts";
import { buyLabel } from "../../src/use-cases/shipping/buy-label.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { readPng, scan } from "../support/paper.ts";
import { BOX, labelled, OPERATOR, pickedOrder, startPacking } from "../support/parcels.ts";
import { readPdf } from "../support/pdf-reader.ts";
import { freshCall, makeListings, makeWarehouses, place, type TestWarehouse } from "../support/world.ts";
import { printZpl } from "../support/zpl-printer.ts";

const actor = OPERATOR;
const tools = { draw: renderLabels, readBytes: createLabelReader() };
const PREFIX = "9501234";

let test: TestDatabase;
let db: Database;
let warehouse: TestWarehouse;
let nextOrder = 1n;

beforeAll(async () => {
  test = await testDatabase();
  db = test.db;
  [warehouse] = (await makeWarehouses(db)) as [TestWarehouse];
  await makeListings(db, [501n]);
  await place(db, warehouse, 501n, 100_000);
});

afterAll(() => test.close());

/** A packed task with so many boxes, whose labels are still to be bought. */
async function packed(boxes: number): Promise<PackingTaskView> {
  const task_id = await pickedOrder(db, nextOrder++, [{ listing_id: 501n, quantity: boxes }]);
  await startPacking(db, task_id);
  for (let box = 0; box < boxes; box++)
    await addPackage(db, freshCall(), { task_id, box: { ...BOX, barcode: null }, actor });
  return completePackingTask(db, freshCall(), { task_id, actor });
}

/** Buys from a carrier that draws its labels itself: these bytes, one for each box. */
async function boughtAs(task: PackingTaskView, format: LabelFormat, bytes: (box: number) => string) {
  const draw = (box: number): BoughtLabel => ({
    sequence_number: box,
    tracking_number: `OWN-${task.id}-${box}`,
    format,
    data: Buffer.from(bytes(box), "latin1"),
  });
  const carriers: Carriers = new Map([
    [
      "mock",
      {
        ...createMockCarrier({ speed: 1, renderLabel }),
        createLabel: async ({ packages }) => ({
          labels: packages.map(({ sequence_number }) => draw(sequence_number)),
        }),
      },
    ],
  ]);
  await buyLabel(db, carriers, { shipment_id: task.shipment_id as bigint });
  return packingTaskView(db, task.id);
}

interface Wish {
  package_id?: bigint | undefined;
  format?: LabelFormat;
  media?: LabelMedia;
}

const print = ({ id }: PackingTaskView, { format = "zpl", ...wish }: Wish = {}) =>
  printLabel(db, freshCall(), { task_id: id, format, ...wish, actor }, tools);

const usePrefix = (gs1_company_prefix: string | undefined) =>
  upsertWarehouses(db, freshCall(), [
    { code: "W1", name: "Main", priority: 1, address: {}, gs1_company_prefix },
  ]);

describe("an SSCC", () => {
  it("is given to each box when its label is asked for, and stands on the label that we draw", async () => {
    await usePrefix(PREFIX);
    const task = await packed(3);
    const codes = task.packages.map(({ sscc }) => sscc as string);
    expect(codes.every(isSscc)).toBe(true);
    expect(codes.every((code) => code.slice(1, 8) === PREFIX)).toBe(true);
    expect(new Set(codes).size).toBe(3);
    await labelled(db, task);
    const sheets = printZpl((await print(task)).data);
    for (const [index, { paper }] of sheets.entries())
      expect(await scan(paper)).toContain(`]C1 (00)${codes[index]}`);
    expect((await packingTaskView(db, task.id)).packages.map(({ sscc }) => sscc)).toEqual(codes);
  });

  it("is of warehouses with a prefix only, which stays until it is taken away", async () => {
    const [kept] = await usePrefix(undefined);
    expect(kept?.gs1_company_prefix).toBe(PREFIX);
    const [cleared] = await usePrefix("");
    expect(cleared?.gs1_company_prefix).toBeNull();
    expect((await packed(1)).packages[0]?.sscc).toBeNull();
  });

  it("has 18 digits and a right check digit, whatever the prefix and the serial number", async () => {
    const prefix = fc.stringMatching(/^\d{4,12}$/);
    const serial = fc.bigInt({ min: 1n, max: 2n ** 62n });
    const cases = fc.sample(fc.tuple(prefix, serial), 200);
    const { rows } = await sql<{ prefix: string; serial: bigint; code: string }>`
      select prefix, serial, sscc(prefix, serial) as code
      from unnest(${cases.map(([one]) => one)}::text[], ${cases.map(([, one]) => one)}::bigint[]) as given (prefix, serial)`.execute(
      db,
    );
    for (const { prefix: given, code } of rows) {
      expect(code).toBe(code.slice(0, 17) + gs1Digit(code.slice(0, 17)));
      expect(code.slice(1, 1 + given.length)).toBe(given);
    }
    const [worked] = (await sql<{ code: string }>`select sscc(${PREFIX}, 3560000001) as code`.execute(db))
      .rows;
    expect(worked?.code).toBe("395012345600000015");
  });

  it("is left out when a prefix's numbers have come round to one that is in use", async () => {
    await usePrefix("950123456789"); // a hundred thousand numbers
    const first = await packed(1);
    await sql`select setval('sscc_serials', nextval('sscc_serials') - 2 + 100000)`.execute(db);
    const second = await packed(2);
    expect(second.packages.map(({ sscc }) => sscc === null)).toEqual([true, false]);
    expect(first.packages[0]?.sscc).not.toBe(second.packages[1]?.sscc);
    await usePrefix("");
  });
});

describe("labels that we drew", () => {
  it("of all boxes are one document, for the printer and the paper that are named", async () => {
    const task = await packed(2);
    await labelled(db, task);
    const numbers = (await packingTaskView(db, task.id)).packages.map((box) => box.tracking_number);
    const zpl = await print(task);
    const scanned = await Promise.all(printZpl(zpl.data).map(({ paper }) => scan(paper)));
    expect(scanned.map(([code]) => code)).toEqual(numbers.map((number) => `]C0 ${number}`));
    const pdf = await print(task, { format: "pdf", media: { page: "a6", dpi: 203 } });
    expect(pdf.content_type).toBe("application/pdf");
    const pages = readPdf(pdf.data);
    expect(pages.map(({ width }) => Math.round(width))).toEqual([298, 298]);
    expect(pages.map(({ texts }) => texts.find((text) => text.startsWith("PACKAGE")))).toEqual([
      "PACKAGE 1 OF 2",
      "PACKAGE 2 OF 2",
    ]);
    const fine = await print(task, { media: { page: "4x6", dpi: 300 } });
    expect(printZpl(fine.data).map(({ paper }) => paper.width)).toEqual([1200, 1200]);
  });

  it("are one picture each", async () => {
    const task = await packed(2);
    await labelled(db, task);
    await expect(print(task, { format: "png" })).rejects.toMatchObject({
      reason: "INVALID_FIELD",
      violations: [{ field: "package_id" }],
      message: expect.stringContaining(task.packages.map(({ id }) => id).join(", ")),
    });
    const [, box] = (await packingTaskView(db, task.id)).packages;
    const { data, content_type } = await print(task, { format: "png", package_id: box?.id });
    expect(content_type).toBe("image/png");
    expect(await scan(readPng(data))).toContain(`]C0 ${box?.tracking_number}`);
  });
});

describe("a carrier's own label", () => {
  const PDF = (box: number) => `%PDF-1.7\n\xff\x00 box ${box}\n%%EOF`;

  it("comes as it was bought, again and again, in its own format only", async () => {
    const task = await boughtAs(await packed(1), "pdf", PDF);
    const [box] = task.packages;
    for (const wish of [{}, { media: { page: "a6", dpi: 300 } as const }]) {
      const { data, content_type, label_url } = await print(task, { format: "pdf", ...wish });
      expect(Buffer.from(data).toString("latin1")).toBe(PDF(1));
      expect(content_type).toBe("application/pdf");
      expect(label_url).toBe(`/api/v1/packages/${box?.id}/label`);
    }
    for (const format of ["zpl", "png"] as const)
      await expect(print(task, { format })).rejects.toMatchObject({
        reason: "LABEL_NOT_FOUND",
        metadata: { formats: "pdf", package_id: String(box?.id) },
      });
    const { rows } = await sql<{ sha256: string }>`
      select sha256 from package_labels where package_id = ${box?.id}`.execute(db);
    expect(rows).toEqual([{ sha256: createHash("sha256").update(PDF(1), "latin1").digest("hex") }]);
  });

  it("is put behind the others unchanged in ZPL, and asked for one by one in PDF", async () => {
    const zpl = await boughtAs(await packed(2), "zpl", (box) => `^XA^FDbox ${box}^FS^XZ`);
    expect(Buffer.from((await print(zpl)).data).toString()).toBe("^XA^FDbox 1^FS^XZ\n^XA^FDbox 2^FS^XZ\n");
    const pdf = await boughtAs(await packed(2), "pdf", PDF);
    await expect(print(pdf, { format: "pdf" })).rejects.toMatchObject({
      reason: "INVALID_FIELD",
      violations: [{ field: "package_id" }],
    });
    const second = await print(pdf, { format: "pdf", package_id: pdf.packages[1]?.id });
    expect(Buffer.from(second.data).toString("latin1")).toBe(PDF(2));
  });

  it("is not given when it is not what was bought any more", async () => {
    const task = await boughtAs(await packed(1), "pdf", PDF);
    await sql`update package_labels set data = 'x' where package_id = ${task.packages[0]?.id}`.execute(db);
    await expect(print(task, { format: "pdf" })).rejects.toThrow(/its SHA-256 differs/);
  });
});

describe("a number that somebody states", () => {
  it("is taken as it is, and a wrong check digit is said beside it", async () => {
    const { shipment_id } = await packed(1);
    const id = shipment_id as bigint;
    const under = { carrier_code: "ups", tracking_number: "1Z999AA10123456785" };
    await assignTracking(db, freshCall(), { shipment_id: id, ...under });
    const shipment = await shipmentView(db, id);
    expect(shipment).toMatchObject(under);
    const { rows } = await sql<{ payload_json: Record<string, string> }>`
      select payload_json from shipment_events where shipment_id = ${id} and event_type = 'TRACKING_ASSIGNED'`.execute(
      db,
    );
    expect(rows[0]?.payload_json["warning"]).toContain("its check digit is wrong");
  });
});

describe("a label's URL", () => {
  let server: Server;
  let base: string;
  const get = async (path: string) => {
    const answer = await fetch(base + path);
    const bytes = new Uint8Array(await answer.arrayBuffer());
    return { status: answer.status, type: answer.headers.get("content-type"), bytes };
  };

  beforeAll(async () => {
    const find = createLabelRoute({ db, authenticate: () => ({ principal: "test", role: "operator" }) });
    server = createServer((req, res) => {
      const route = find((req.url ?? "").split("?", 1)[0] as string);
      if (route) void route(req, res);
      else res.writeHead(404).end("no route");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });

  afterAll(() => server.close());

  it("gives the same document that was printed", async () => {
    const task = await packed(2);
    await labelled(db, task);
    const package_id = task.packages[1]?.id;
    const wishes: Wish[] = [
      { package_id },
      { package_id, format: "png", media: { page: "4x6", dpi: 300 } },
      { package_id, format: "pdf", media: { page: "a6", dpi: 203 } },
      { format: "zpl", media: { page: "a6", dpi: 300 } },
      { format: "pdf" },
    ];
    for (const wish of wishes) {
      const { label_url, data, content_type } = await print(task, wish);
      const got = await get(label_url);
      expect(got).toMatchObject({ status: 200, type: content_type });
      expect(Buffer.compare(got.bytes, data)).toBe(0);
    }
  });

  it("says what it can't give", async () => {
    const task = await packed(1);
    const path = `/api/v1/packages/${task.packages[0]?.id}/label`;
    expect((await get(path)).status).toBe(404);
    await labelled(db, task);
    expect((await get(`${path}?format=gif`)).status).toBe(400);
    expect((await get(`${path}?format=zpl&dpi=72`)).status).toBe(400);
    expect((await get(`${path}?format=pdf&paper=a0`)).status).toBe(400);
    expect((await get(`/api/v1/packing-tasks/999999/labels`)).status).toBe(404);
    expect((await get(`/api/v1/packing-tasks/${task.id}/label`)).status).toBe(404);
    const open = await pickedOrder(db, nextOrder++, [{ listing_id: 501n, quantity: 1 }]);
    expect((await get(`/api/v1/packing-tasks/${open}/labels`)).status).toBe(409);
  });
});
