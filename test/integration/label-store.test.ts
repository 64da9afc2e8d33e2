import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Database } from "../../src/db/database.ts";
import { packingTaskView } from "../../src/db/packing-views.ts";
import { renderLabels } from "../../src/labels/render.ts";
import { type Bucket, createObjectStore } from "../../src/outside/object-store.ts";
import { createOutside, type OutsideCall } from "../../src/outside/outside-client.ts";
import { signedHeaders } from "../../src/outside/signature-v4.ts";
import { moveLabels } from "../../src/use-cases/maintenance/move-labels.ts";
import { createLabelReader, type LabelStore, sha256Of } from "../../src/use-cases/packing/label-store.ts";
import { printLabel } from "../../src/use-cases/packing/print-label.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { type ObjectStoreHost, startObjectStore } from "../support/object-store-host.ts";
import { expectLaws } from "../support/outcomes.ts";
import { OPERATOR, readyParcel } from "../support/parcels.ts";
import { freshCall, makeListings, makeWarehouses, place, type TestWarehouse } from "../support/world.ts";

const SECRET = "a-secret-key-of-the-store";

let test: TestDatabase;
let db: Database;
let host: ObjectStoreHost;
let recorded: OutsideCall[];
let nextOrder = 1n;

beforeAll(async () => {
  test = await testDatabase();
  db = test.db;
  const [warehouse] = (await makeWarehouses(db)) as [TestWarehouse];
  await makeListings(db, [501n]);
  await place(db, warehouse, 501n, 100_000);
  host = await startObjectStore(SECRET);
});

beforeEach(() => {
  host.down = false;
  recorded = [];
});

afterAll(async () => {
  await host.close();
  await test.close();
});

function storeWith(options: Partial<Bucket> = {}): LabelStore {
  const outside = createOutside({ record: async (call) => void recorded.push(call) });
  const client = outside({ service: "label_store", baseUrl: host.endpoint });
  const credentials = { accessKeyId: "AKIAEXAMPLE", secretAccessKey: SECRET };
  const bucket = {
    endpoint: host.endpoint,
    region: "eu-central-1",
    bucket: "labels",
    prefix: "wms/",
    credentials,
  };
  return createObjectStore(client, { ...bucket, ...options });
}

const print = (task_id: bigint, store?: LabelStore) =>
  printLabel(
    db,
    freshCall(),
    { task_id, format: "zpl", actor: OPERATOR },
    { draw: renderLabels, readBytes: createLabelReader(store) },
  );

const ready = async () => (await readyParcel(db, nextOrder++, [{ listing_id: 501n, quantity: 1 }])).task_id;

const rowsOf = async (task_id: bigint) => {
  const [box] = (await packingTaskView(db, task_id)).packages;
  const { rows } = await sql<{ here: boolean; store_key: string | null; sha256: string }>`
    select data is not null as here, store_key, sha256 from package_labels where package_id = ${box?.id}`.execute(
    db,
  );
  return rows;
};

describe("labels' bytes", () => {
  it("move to the object store, and are printed from there", async () => {
    const task_id = await ready();
    const before = await print(task_id);
    expect(await moveLabels(db, storeWith())).toBeGreaterThan(0);
    const sha256 = sha256Of(before.data);
    const store_key = `${sha256.slice(0, 2)}/${sha256}.zpl`;
    expect(await rowsOf(task_id)).toEqual([{ here: false, store_key, sha256 }]);
    const object = host.objects.get(`/labels/wms/${store_key}`);
    expect(object?.content_type).toBe("application/zpl");
    expect(Buffer.compare(object?.bytes as Buffer, before.data)).toBe(0);
    expect(Buffer.compare((await print(task_id, storeWith())).data, before.data)).toBe(0);
    expect(recorded.map(({ endpoint, is_success }) => [endpoint, is_success])).toEqual([
      ["put_object", true],
      ["get_object", true],
    ]);
    expect(JSON.stringify(recorded)).not.toContain("^XA");
    expect(await moveLabels(db, storeWith())).toBe(0);
    await expectLaws(db); // bytes that lie elsewhere are there too
  });

  it("stay in the database as long as the store can't be reached, or says no", async () => {
    const task_id = await ready();
    host.down = true;
    await expect(moveLabels(db, storeWith())).rejects.toThrow(/503 SlowDown/);
    host.down = false;
    const credentials = { accessKeyId: "AKIAEXAMPLE", secretAccessKey: "another" };
    await expect(moveLabels(db, storeWith({ credentials }))).rejects.toThrow(/403 SignatureDoesNotMatch/);
    expect(await rowsOf(task_id)).toMatchObject([{ here: true, store_key: null }]);
    expect((await print(task_id)).content_type).toBe("application/zpl");
    expect(await moveLabels(db, storeWith())).toBe(1);
  });

  it("that can't be fetched are asked for again, and none but those that were bought are given", async () => {
    const task_id = await ready();
    await moveLabels(db, storeWith());
    host.down = true;
    await expect(print(task_id, storeWith())).rejects.toMatchObject({ reason: "DEPENDENCY_UNAVAILABLE" });
    host.down = false;
    await expect(print(task_id)).rejects.toThrow(/none is configured/);
    const [row] = await rowsOf(task_id);
    const object = host.objects.get(`/labels/wms/${row?.store_key}`) as { bytes: Buffer };
    object.bytes = Buffer.from("^XA^FDanother^FS^XZ");
    await expect(print(task_id, storeWith())).rejects.toThrow(/its SHA-256 differs/);
  });

  it("are drawn again for another printer although they lie in the store", async () => {
    const task_id = await ready();
    await moveLabels(db, storeWith());
    host.down = true; // what is drawn needs no bytes
    const pdf = await printLabel(
      db,
      freshCall(),
      { task_id, format: "pdf", actor: OPERATOR },
      { draw: renderLabels, readBytes: createLabelReader(storeWith()) },
    );
    expect(pdf.content_type).toBe("application/pdf");
  });
});

describe("signedHeaders", () => {
  it("signs Amazon's own example as Amazon does", () => {
    const { authorization } = signedHeaders(
      {
        method: "GET",
        url: new URL("https://examplebucket.s3.amazonaws.com/test.txt"),
        headers: { range: "bytes=0-9" },
        body: new Uint8Array(),
        region: "us-east-1",
        now: new Date("2013-05-24T00:00:00Z"),
      },
      { accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY" },
    );
    expect(authorization).toBe(
      "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request," +
        "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date," +
        "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    );
  });
});
