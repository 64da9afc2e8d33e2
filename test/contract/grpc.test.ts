import { connect as connectHttp2 } from "node:http2";
import { gzipSync } from "node:zlib";
import * as grpc from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WarehouseService } from "../../gen/wms/v1/warehouse_service_pb.js";
import { DomainError, invalidField } from "../../src/domain/errors.ts";
import { type Doors, openDoors, type Refusal, readRefusal, refusalOf, TestClient } from "../support/doors.ts";

const { getPickingTask, pickItem, confirmOrder, watchOrder, watchTasks, getStock } = WarehouseService.method;
const hung: AbortSignal[] = [];

let doors: Doors;
let client: TestClient;

beforeAll(async () => {
  doors = await openDoors({
    warehouse: {
      getPickingTask: async ({ taskId }) => ({ id: taskId, orderId: 7n, totalItems: 2 }),
      pickItem: async () => {
        throw invalidField("quantity", "must be at least 1");
      },
      confirmOrder: async () => {
        throw new DomainError("ILLEGAL_TRANSITION", "order 7 is cancelled: \ud800 100 % über\nit", {
          from: "cancelled",
          id: 7n,
        });
      },
      getStock: async () => {
        throw Object.assign(new Error('duplicate key in "secret_table"'), {
          code: "XX000",
          stack: "at secret.ts:1",
        });
      },
      listOrders: (_request, { signal }) => {
        hung.push(signal);
        return new Promise(() => {});
      },
      watchTasks: ({ warehouseId }) => {
        throw new DomainError("WAREHOUSE_NOT_FOUND", `no warehouse ${warehouseId}`);
      },
      watchOrder: async function* (request, { signal }) {
        for (let sequence = 1; !signal.aborted; sequence++) {
          yield { resumeToken: `${request.orderId}-${sequence}` };
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      },
    },
  });
  client = new TestClient(doors.grpcAddress);
});

afterAll(async () => {
  client.close();
  await doors.close();
});

async function servesStill(): Promise<void> {
  expect((await client.call(getPickingTask, { taskId: 5n })).id).toBe(5n);
}

describe("gRPC errors", () => {
  it("answers int64 ids whole", async () => {
    const answer = await client.call(getPickingTask, { taskId: 2n ** 63n - 1n });
    expect(answer.id).toBe(2n ** 63n - 1n);
    expect(answer.totalItems).toBe(2);
  });

  it("carries ErrorInfo and the field in BadRequest", async () => {
    expect(await client.refusal(pickItem, { taskId: 1n })).toMatchObject({
      code: grpc.status.INVALID_ARGUMENT,
      message: "quantity: must be at least 1",
      reason: "INVALID_FIELD",
      fields: ["quantity"],
    } satisfies Partial<Refusal>);
  });

  it("carries metadata, and survives text that a header can't hold", async () => {
    const refusal = await client.refusal(confirmOrder, { orderId: 7n });
    expect(refusal).toMatchObject({
      code: grpc.status.FAILED_PRECONDITION,
      reason: "ILLEGAL_TRANSITION",
      metadata: { from: "cancelled", id: "7" },
    });
    expect(refusal.message).toBe("order 7 is cancelled: \ufffd 100 % über\nit");
  });

  it("says of an unknown fault only an id, which the log explains", async () => {
    const refusal = await client.refusal(getStock, { listingId: 1n });
    const errorId = refusal.metadata["error_id"] ?? "";
    expect(refusal).toMatchObject({
      code: grpc.status.INTERNAL,
      reason: "INTERNAL",
      message: `internal error ${errorId}`,
    });
    expect(JSON.stringify(refusal)).not.toContain("secret");
    const line = doors.logged.find((entry) => entry["error_id"] === errorId);
    expect(JSON.stringify(line)).toContain("secret_table");
  });
});

describe("gRPC under abuse", () => {
  it("refuses a message above 4 MiB, plain or unpacked, and lives on", async () => {
    const plain = await refusalOf(client.bytes(getPickingTask, Buffer.alloc(10 * 1024 * 1024)));
    expect(plain.code).toBe(grpc.status.RESOURCE_EXHAUSTED);
    await servesStill();
    const bomb = gzipSync(Buffer.alloc(50 * 1024 * 1024));
    expect(await rawUnary(frame(bomb, true), { "grpc-encoding": "gzip" })).toBe(
      String(grpc.status.RESOURCE_EXHAUSTED),
    );
    await servesStill();
  });

  it("answers bytes that are no message with INVALID_ARGUMENT", async () => {
    for (const bytes of [
      Buffer.from([0xff, 0xff, 0xff]),
      Buffer.from("hello"),
      Buffer.from([0x0a, 0x7f, 0x01]),
    ]) {
      const refusal = await refusalOf(client.bytes(getPickingTask, bytes));
      expect(refusal).toMatchObject({ code: grpc.status.INVALID_ARGUMENT, reason: "INVALID_FIELD" });
    }
    await servesStill();
  });

  it("lives on after frames that are none", async () => {
    await rawUnary(Buffer.from([0, 0, 0, 0, 200, 1, 2, 3]), {}); // promises more than it sends
    await rawUnary(Buffer.from([7, 1, 2, 3]), {});
    await rawUnary(frame(Buffer.from("not gzip"), true), { "grpc-encoding": "gzip" });
    await rawUnary(frame(Buffer.alloc(0), false), { "grpc-timeout": "abc" });
    await servesStill();
  });

  it("names the deadline when it passes, and tells the handler", async () => {
    const refusal = await client.refusal(WarehouseService.method.listOrders, {}, { deadlineMs: 150 });
    expect(refusal.code).toBe(grpc.status.DEADLINE_EXCEEDED);
    await expect.poll(() => hung.at(-1)?.aborted, { timeout: 2_000 }).toBe(true);
    await servesStill();
  });

  it("refuses what is above its capacity, with a hint to come back", async () => {
    const small = await openDoors(
      { warehouse: { getStock: () => new Promise(() => {}), getPickingTask: async () => ({ id: 1n }) } },
      { maxInFlight: 3 },
    );
    const crowd = new TestClient(small.grpcAddress);
    const waiting = [1, 2, 3].map(() => crowd.refusal(getStock, {}, { deadlineMs: 1_000 }));
    await expect.poll(() => small.dispatcher.inFlight).toBe(3);
    expect(await crowd.refusal(getPickingTask, { taskId: 1n })).toMatchObject({
      code: grpc.status.RESOURCE_EXHAUSTED,
      reason: "OVERLOADED",
      retryable: true,
    });
    await Promise.all(waiting);
    crowd.close();
    await small.close();
  });

  it("serves many calls at once over one connection", async () => {
    const answers = await Promise.all(
      Array.from({ length: 1_000 }, (_, index) => client.call(getPickingTask, { taskId: BigInt(index + 1) })),
    );
    expect(answers.map((answer) => answer.id)).toEqual(answers.map((_, index) => BigInt(index + 1)));
  });
});

describe("gRPC streams", () => {
  it("stream until the caller has enough, and end the handler then", async () => {
    const stream = client.stream(watchOrder, { orderId: 9n });
    const tokens: string[] = [];
    for await (const message of stream) {
      tokens.push((message as { resumeToken: string }).resumeToken);
      if (tokens.length === 3) break;
    }
    expect(tokens).toEqual(["9-1", "9-2", "9-3"]);
  });

  it("carry errors like unary calls do", async () => {
    const stream = client.stream(watchTasks, { warehouseId: 1n });
    const error = await new Promise<grpc.ServiceError>((resolve) => {
      stream.on("data", () => {});
      stream.on("error", (reason: grpc.ServiceError) => resolve(reason));
    });
    expect(readRefusal(error)).toMatchObject({ code: grpc.status.NOT_FOUND, reason: "WAREHOUSE_NOT_FOUND" });
  });

  it("are refused above the process's capacity, until one has ended", async () => {
    const small = await openDoors({ warehouse: { watchTasks: idleStream } }, { maxStreams: 2 });
    const crowd = new TestClient(small.grpcAddress);
    const [first] = [1n, 2n].map((warehouseId) =>
      crowd.stream(watchTasks, { warehouseId }).on("error", () => {}),
    );
    await expect.poll(() => small.dispatcher.streams).toBe(2);
    const refused = await new Promise<grpc.ServiceError>((resolve) => {
      crowd
        .stream(watchTasks, { warehouseId: 3n })
        .on("data", () => {})
        .on("error", resolve);
    });
    expect(readRefusal(refused)).toMatchObject({ reason: "OVERLOADED", retryable: true });
    first?.cancel();
    await expect.poll(() => small.dispatcher.streams).toBe(1);
    crowd.stream(watchTasks, { warehouseId: 4n }).on("error", () => {});
    await expect.poll(() => small.dispatcher.streams).toBe(2);
    crowd.close();
    await small.close();
  });
});

/** Tells one thing, and then nothing until its caller has gone. */
async function* idleStream(_request: unknown, { signal }: { signal: AbortSignal }): AsyncGenerator<object> {
  yield {};
  await new Promise((resolve) => signal.addEventListener("abort", resolve));
}

function frame(payload: Buffer, compressed: boolean): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(compressed ? 1 : 0, 0);
  head.writeUInt32BE(payload.length, 1);
  return Buffer.concat([head, payload]);
}

/** What a hostile client sends; the grpc-status that comes back, or "none". */
function rawUnary(body: Buffer, headers: Record<string, string>): Promise<string> {
  return new Promise((resolve, reject) => {
    const session = connectHttp2(`http://${doors.grpcAddress}`);
    session.on("error", reject);
    const stream = session.request({
      ":method": "POST",
      ":path": "/wms.v1.WarehouseService/GetPickingTask",
      "content-type": "application/grpc",
      te: "trailers",
      ...headers,
    });
    let status = "none";
    stream.on("response", (head) => (status = String(head["grpc-status"] ?? status)));
    stream.on("trailers", (trailers) => (status = String(trailers["grpc-status"] ?? status)));
    stream.on("data", () => {});
    stream.on("error", () => {});
    stream.on("close", () => session.close(() => resolve(status)));
    stream.end(body);
  });
}
