import { create, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.js";
import { GetPickingTaskRequestSchema } from "../../gen/wms/v1/picking_pb.js";
import { WarehouseService } from "../../gen/wms/v1/warehouse_service_pb.js";
import { DomainError } from "../../src/domain/errors.ts";
import { type Doors, openDoors } from "../support/doors.ts";

let doors: Doors;
let redisReason: string | undefined;

beforeAll(async () => {
  doors = await openDoors(
    {
      warehouse: {
        getPickingTask: async ({ taskId }) => {
          if (taskId === 404n)
            throw new DomainError("PICKING_TASK_NOT_FOUND", "no picking task 404", { task_id: taskId });
          if (taskId === 409n) throw new DomainError("ITEMS_PENDING", "2 items are pending");
          return { id: taskId, orderId: 7n };
        },
        listPickingTasks: async () => ({ tasks: [] }),
        listOrders: () => new Promise(() => {}),
        watchOrder: async function* () {
          yield { resumeToken: "one" };
          yield { resumeToken: "two" };
        },
      },
    },
    { checks: { database: () => undefined, redis: () => redisReason } },
  );
});

afterAll(() => doors.close());

async function post(
  method: string,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
) {
  const response = await fetch(`${doors.httpUrl}/wms.v1.WarehouseService/${method}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body,
  });
  const text = await response.text();
  return {
    status: response.status,
    json: response.headers.get("content-type")?.includes("json") ? JSON.parse(text) : text,
  };
}

interface JsonError {
  code: string;
  message: string;
  details?: { type: string; debug?: { fieldViolations?: { field: string }[]; reason?: string } }[];
}

function fieldsOf(error: JsonError): string[] {
  return (
    error.details?.flatMap((detail) => detail.debug?.fieldViolations?.map(({ field }) => field) ?? []) ?? []
  );
}

describe("Connect JSON", () => {
  it("answers a call made with nothing but fetch, ids as strings", async () => {
    const { status, json } = await post("GetPickingTask", '{"taskId":"9007199254740993"}');
    expect(status).toBe(200);
    expect(json).toMatchObject({ id: "9007199254740993", orderId: "7" });
  });

  it("takes the proto's own field names too", async () => {
    expect((await post("GetPickingTask", '{"task_id": 12}')).json.id).toBe("12");
  });

  it.each([
    ["404", 404, "not_found", "PICKING_TASK_NOT_FOUND"],
    ["409", 409, "failed_precondition", "ITEMS_PENDING"],
  ])("maps task %s to HTTP %i with the reason", async (taskId, status, code, reason) => {
    const answer = await post("GetPickingTask", JSON.stringify({ taskId }));
    expect(answer.status).toBe(status);
    expect(answer.json.code).toBe(code);
    expect(answer.json.details[0]).toMatchObject({ type: "google.rpc.ErrorInfo", debug: { reason } });
  });

  it.each([
    ["an unknown field", '{"taskid":"1"}', "taskid", "GetPickingTask"],
    ["an unknown enum word", '{"statuses":["PICKING_TASK_STATUS_LOST"]}', "statuses", "ListPickingTasks"],
    [
      "a bad enum deeper down",
      '{"packages":[{"packagingType":"BARREL"}]}',
      "packages.packaging_type",
      "CreateShipment",
    ],
    ["a number out of int64", '{"taskId":"99999999999999999999"}', "task_id", "GetPickingTask"],
    ["a wrong type", '{"taskId":{"a":1}}', "task_id", "GetPickingTask"],
  ])("refuses %s and names it", async (_name, body, field, method) => {
    const { status, json } = await post(method, body);
    expect(status).toBe(400);
    expect(json.code).toBe("invalid_argument");
    expect(fieldsOf(json)).toEqual([field]);
  });

  it("refuses what is no JSON, and no message", async () => {
    for (const [body, type] of [
      ["{", "application/json"],
      ["[1]", "application/json"],
      [new Uint8Array([255, 255, 255]), "application/proto"],
    ] as const) {
      const { status, json } = await post("GetPickingTask", body, { "content-type": type });
      expect(status).toBe(400);
      expect(json.code).toBe("invalid_argument");
    }
  });

  it("refuses a body above 4 MiB and lives on", async () => {
    const { status } = await post("GetPickingTask", `{"taskId":"${"1".repeat(10 * 1024 * 1024)}"}`).catch(
      () => ({ status: 0 }),
    );
    expect([0, 413, 429]).toContain(status); // 0: the connection was closed on a client that keeps sending
    expect((await post("GetPickingTask", '{"taskId":"1"}')).status).toBe(200);
  });

  it("ends at the caller's deadline", async () => {
    const { status, json } = await post("ListOrders", "{}", { "connect-timeout-ms": "100" });
    expect(status).toBe(504);
    expect(json.code).toBe("deadline_exceeded");
  });
});

describe("Connect and gRPC-Web clients", () => {
  it.each([
    ["Connect", (baseUrl: string) => createConnectTransport({ baseUrl, httpVersion: "1.1" })],
    ["gRPC-Web", (baseUrl: string) => createGrpcWebTransport({ baseUrl, httpVersion: "1.1" })],
  ])("speak %s: answers, errors with details, streams", async (_name, transport) => {
    const client = createClient(WarehouseService, transport(doors.httpUrl));
    expect((await client.getPickingTask({ taskId: 3n })).id).toBe(3n);
    const error = await client
      .getPickingTask({ taskId: 404n })
      .catch((reason: unknown) => ConnectError.from(reason));
    expect((error as ConnectError).code).toBe(Code.NotFound);
    expect((error as ConnectError).findDetails(ErrorInfoSchema)[0]?.reason).toBe("PICKING_TASK_NOT_FOUND");
    const tokens: string[] = [];
    for await (const { resumeToken } of client.watchOrder({ orderId: 1n })) tokens.push(resumeToken);
    expect(tokens).toEqual(["one", "two"]);
  });

  it("take a gRPC-Web frame as a browser sends it", async () => {
    const message = toBinary(
      GetPickingTaskRequestSchema,
      create(GetPickingTaskRequestSchema, { taskId: 8n }),
    );
    const frame = new Uint8Array([0, 0, 0, 0, message.length, ...message]);
    const response = await fetch(`${doors.httpUrl}/wms.v1.WarehouseService/GetPickingTask`, {
      method: "POST",
      headers: { "content-type": "application/grpc-web+proto", "x-grpc-web": "1" },
      body: frame,
    });
    const bytes = Buffer.from(await response.arrayBuffer());
    expect(response.status).toBe(200);
    expect(bytes[0]).toBe(0);
    expect(bytes.toString("latin1")).toContain("grpc-status: 0");
  });
});

describe("what a platform asks", () => {
  it("is alive whatever its dependencies do, and ready only with them", async () => {
    expect((await fetch(`${doors.httpUrl}/readyz`)).status).toBe(200);
    redisReason = "not reachable";
    const readyz = await fetch(`${doors.httpUrl}/readyz`);
    expect(readyz.status).toBe(503);
    expect(await readyz.json()).toEqual({
      ready: false,
      checks: { database: { ok: true }, redis: { ok: false, reason: "not reachable" } },
    });
    expect((await fetch(`${doors.httpUrl}/livez`)).status).toBe(200);
    redisReason = undefined;
  });

  it("counts RPCs by method, code and transport", async () => {
    await post("GetPickingTask", '{"taskId":"404"}');
    const metrics = await (await fetch(`${doors.httpUrl}/metrics`)).text();
    expect(metrics).toMatch(
      /wms_rpc_duration_seconds_count\{method="wms.v1.WarehouseService\/GetPickingTask",code="NOT_FOUND",transport="http"\} \d/,
    );
    expect(metrics).toContain("process_resident_memory_bytes");
  });

  it("says clearly that there is nothing at an unknown path", async () => {
    const response = await fetch(`${doors.httpUrl}/nowhere`);
    expect(response.status).toBe(404);
    expect(await response.json()).toEqual({ error: "there is nothing at /nowhere" });
    expect((await fetch(`${doors.httpUrl}/metrics`, { method: "POST" })).status).toBe(405);
  });
});
