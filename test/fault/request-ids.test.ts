import { randomUUID } from "node:crypto";
import { create, type DescMethodUnary, type Message, toBinary } from "@bufbuild/protobuf";
import { status } from "@grpc/grpc-js";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { OperationsService } from "../../gen/wms/v1/operations_service_pb.js";
import { WarehouseService } from "../../gen/wms/v1/warehouse_service_pb.js";
import { createDatabase, createPool } from "../../src/db/database.ts";
import { serviceHandlers } from "../../src/rpc/service-handlers.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { type Doors, openDoors, SECRET, TestClient, tokenOf } from "../support/doors.ts";
import { everyWrite } from "../support/every-write.ts";
import { difference, fingerprint } from "../support/fingerprint.ts";
import { otherContents } from "../support/other-contents.ts";
import { startProxy } from "../support/proxy.ts";

let test: TestDatabase;
let processes: { doors: Doors; client: TestClient; close(): Promise<void> }[];
let make: Record<string, () => Promise<object>>;
let token: string;
let operator: string;

const METHODS = [...WarehouseService.methods, ...OperationsService.methods];
const WRITES = METHODS.filter(
  (method): method is DescMethodUnary =>
    method.methodKind === "unary" && method.input.fields.some((field) => field.name === "request_id"),
);
const EACH_WRITE = WRITES.map((method) => [method.name, method] as const);

beforeAll(async () => {
  test = await testDatabase();
  make = await everyWrite(test.db);
  token = `Bearer ${await tokenOf("admin")}`;
  operator = `Bearer ${await tokenOf("operator")}`;
  processes = await Promise.all([openProcess(), openProcess()]);
});
afterAll(async () => {
  await Promise.all(processes.map((one) => one.close()));
  await test.close();
});

/** One of two service processes, as far as request ids go: doors and a pool of its own. */
async function openProcess() {
  const pool = createPool({ connectionString: test.url, max: 10 });
  const deps = { db: createDatabase(pool), logger: pino({ level: "silent" }), readStreamLag: noLag };
  const doors = await openDoors(serviceHandlers(deps), { auth: { mode: "tokens", secret: SECRET } });
  const client = new TestClient(doors.grpcAddress);
  const close = async () => {
    client.close();
    await doors.close();
    await pool.end();
  };
  return { doors, client, close };
}

function noLag(): Promise<never> {
  return Promise.reject(new Error("nobody asks for it here"));
}

async function requestOf(method: DescMethodUnary, requestId: string = randomUUID()): Promise<Message> {
  const fields = await make[method.localName]?.();
  return create(method.input, { ...fields, requestId } as never);
}

function call(method: DescMethodUnary, request: Message, by = token, at = 0): Promise<Buffer> {
  const { client } = processes[at % processes.length] as (typeof processes)[number];
  const bytes = Buffer.from(toBinary(method.input, request as never));
  return client.bytes(method, bytes, { token: by, deadlineMs: 30_000 });
}

async function effectsOf(work: () => Promise<unknown>) {
  const before = await fingerprint(test.db);
  await work();
  return difference(before, await fingerprint(test.db));
}

describe("request ids", () => {
  it("are taken by every RPC that changes something, and each of them is tried here", () => {
    const reads = /^(Get|List|Watch|Explain)|^Verify$/;
    expect(METHODS.filter(({ name }) => !reads.test(name)).map(({ name }) => name)).toEqual(
      WRITES.map(({ name }) => name),
    );
    expect(Object.keys(make).sort()).toEqual(WRITES.map(({ localName }) => localName).sort());
  });
});

describe("row 41: a request id that was used", () => {
  it.each(EACH_WRITE)(
    "for %s is refused with other content and for another RPC, and is anybody else's to use",
    async (_name, method) => {
      const request = await requestOf(method);
      const { requestId } = request as Message & { requestId: string };
      const first = await call(method, request);
      const effects = await effectsOf(() => expectRefusals(method, request));
      expect(effects).toEqual({});
      const { placeInventory, upsertListings } = WarehouseService.method;
      const another = method === placeInventory ? upsertListings : placeInventory;
      expect(await refusalOf(another, await requestOf(another, requestId))).toMatchObject({
        code: status.INVALID_ARGUMENT,
        reason: "REQUEST_ID_REUSED",
        metadata: { request_id: requestId, method: method.name },
        fields: ["request_id"],
      });
      expect(await call(method, request)).toEqual(first);
      await call(method, await requestOf(method, requestId), operator);
    },
  );
});

async function expectRefusals(method: DescMethodUnary, request: Message): Promise<void> {
  const others = otherContents(method.input, request);
  const refusals = await Promise.all(others.map((other) => refusalOf(method, other)));
  refusals.forEach(({ code, reason }, nth) => {
    const seen = shown(method, others[nth] as Message);
    expect([code, reason], seen).toEqual([status.INVALID_ARGUMENT, expect.stringMatching(REFUSED)]);
  });
  expect(refusals.map(({ reason }) => reason)).toContain("REQUEST_ID_REUSED");
}

/** Content that could not be right for any id is refused before anybody looks for the id. */
const REFUSED = /^(REQUEST_ID_REUSED|INVALID_FIELD)$/;

function refusalOf(method: DescMethodUnary, request: Message) {
  return processes[0]!.client.refusal(method, request as never, { token });
}

function shown({ name }: DescMethodUnary, request: Message): string {
  return `${name} ${JSON.stringify(request, (_key, value) => (typeof value === "bigint" ? String(value) : value))}`;
}

/** What these give out was made by what led to it. */
const FINDERS = ["CreatePackingTask", "PrintLabel"];

describe("row 42: fifty calls at once with one request id", () => {
  it.each(EACH_WRITE)(
    "of %s have the effect of one and get one answer, also when it is lost",
    async (_name, method) => {
      await call(method, await requestOf(method)); // the first of its kind may make a row that the others only change
      const single = await requestOf(method);
      const once = await effectsOf(() => call(method, single));
      if (!FINDERS.includes(method.name)) expect(once).not.toEqual({});
      const request = await requestOf(method);
      let answers: Buffer[] = [];
      const effects = await effectsOf(async () => {
        answers = await Promise.all(
          Array.from({ length: 50 }, (_, nth) => call(method, request, token, nth)),
        );
      });
      expect(effects).toEqual(once);
      for (const answer of answers) expect(answer.equals(answers[0] as Buffer)).toBe(true);
      const unheard = await requestOf(method);
      const unseen = await effectsOf(async () => {
        await askInVain(method, unheard);
        const answer = await call(method, unheard, token, 1);
        expect(await call(method, unheard)).toEqual(answer);
      });
      expect(unseen).toEqual(once);
    },
  );

  it("that is refused get one refusal, and go on getting it", async () => {
    const { startPickingTask, completePickingTask } = WarehouseService.method;
    const begun = await requestOf(startPickingTask);
    const { taskId } = begun as Message & { taskId: bigint };
    const early = create(completePickingTask.input, { taskId, requestId: randomUUID() });
    const refusals = await Promise.all(
      Array.from({ length: 50 }, () => refusalOf(completePickingTask, early)),
    );
    for (const refusal of refusals) expect(refusal).toEqual(refusals[0]);
    expect(refusals[0]).toMatchObject({ reason: "ILLEGAL_TRANSITION", metadata: { from: "assigned" } });
    await call(startPickingTask, begun);
    expect(await refusalOf(completePickingTask, early)).toEqual(refusals[0]);
  });
});

/** Asks over a line that is cut as soon as the server says anything. */
async function askInVain(method: DescMethodUnary, request: Message): Promise<void> {
  const { requestId } = request as Message & { requestId: string };
  const line = await startProxy(`tcp://${processes[0]!.doors.grpcAddress}`);
  const client = new TestClient(new URL(line.url).host);
  line.dropNextReply(requestId);
  const bytes = Buffer.from(toBinary(method.input, request as never));
  await expect(client.bytes(method, bytes, { token, deadlineMs: 5_000 })).rejects.toThrow();
  client.close();
  await line.close();
}
