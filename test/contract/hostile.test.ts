import {
  create,
  type DescField,
  type DescMessage,
  type DescMethodUnary,
  type Message,
  ScalarType,
} from "@bufbuild/protobuf";
import { status } from "@grpc/grpc-js";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { OperationsService } from "../../gen/wms/v1/operations_service_pb.js";
import { WarehouseService } from "../../gen/wms/v1/warehouse_service_pb.js";
import { serviceHandlers } from "../../src/rpc/service-handlers.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { type Doors, noStreams, openDoors, TestClient } from "../support/doors.ts";
import { makeListings, makeWarehouses, place, type TestWarehouse } from "../support/world.ts";

let database: TestDatabase;
let doors: Doors;
let client: TestClient;

beforeAll(async () => {
  database = await testDatabase();
  doors = await openDoors(
    serviceHandlers({ db: database.db, logger: pino({ level: "silent" }), readStreamLag: noStreams }),
  );
  client = new TestClient(doors.grpcAddress);
  const [warehouse] = (await makeWarehouses(database.db)) as [TestWarehouse];
  await makeListings(database.db, [1n]);
  await place(database.db, warehouse, 1n, 10);
});
afterAll(async () => {
  client.close();
  await doors.close();
  await database.close();
});

const INT64 = [-1n, 0n, 1n, 2n ** 63n - 1n, -(2n ** 63n)];
const INT32 = [-1, 0, 1, 2 ** 31 - 1, -(2 ** 31)];
const DOUBLES = [-1, 0, Number.NaN, Number.POSITIVE_INFINITY, 1e300, 1e-300];
const TEXTS = [
  "",
  "x".repeat(100_000),
  "a\u0000b",
  "'; drop table orders; --",
  "\u202Eevil",
  "😀".repeat(50),
];
const STRANGERS = [-1, 99, 2 ** 31 - 1];

/** What a hostile, or a broken, caller would put into a field. */
function hostileValues(field: DescField, depth: number): unknown[] {
  if (field.fieldKind === "scalar") return scalarValues(field.scalar);
  if (field.fieldKind === "enum") return STRANGERS;
  if (field.fieldKind === "message") return messages(field.message, depth + 1);
  if (field.fieldKind !== "list") return [];
  const inner =
    field.listKind === "scalar"
      ? scalarValues(field.scalar)
      : field.listKind === "enum"
        ? STRANGERS
        : messages(field.message, depth + 1);
  return inner.map((value) => [value]);
}

function scalarValues(scalar: ScalarType): unknown[] {
  if (scalar === ScalarType.INT64) return INT64;
  if (scalar === ScalarType.INT32) return INT32;
  if (scalar === ScalarType.DOUBLE) return DOUBLES;
  return scalar === ScalarType.STRING ? TEXTS : [];
}

/** The message with one field at a time made hostile, the others empty or all plausible. */
function messages(type: DescMessage, depth = 0): Message[] {
  if (depth > 2) return [];
  const plain = type.fields.flatMap((field) => (field.oneof ? [] : [[field, plausible(field)] as const]));
  return type.fields.flatMap((field) =>
    hostileValues(field, depth).flatMap((value) =>
      [[], plain].map((others) => {
        const message = create(type) as unknown as Record<string, unknown>;
        for (const [other, good] of others) if (good !== undefined) message[other.localName] = good;
        if (field.oneof) message[field.oneof.localName] = { case: field.localName, value };
        else message[field.localName] = value;
        return message as unknown as Message;
      }),
    ),
  );
}

function plausible(field: DescField): unknown {
  if (field.fieldKind !== "scalar" || field.localName === "requestId") return undefined;
  if (field.scalar === ScalarType.INT64) return 1n;
  if (field.scalar === ScalarType.INT32 || field.scalar === ScalarType.DOUBLE) return 1;
  return field.scalar === ScalarType.STRING && field.localName !== "pageToken" ? "1" : undefined;
}

const ALLOWED = new Set([
  status.INVALID_ARGUMENT,
  status.NOT_FOUND,
  status.FAILED_PRECONDITION,
  status.ALREADY_EXISTS,
]);
const METHODS = [...WarehouseService.methods, ...OperationsService.methods].filter(
  (method): method is DescMethodUnary => method.methodKind === "unary",
);

describe("row 54: hostile input", () => {
  it.each(METHODS.map((method) => [method.name, method] as const))(
    "to %s gets a fitting answer, and never an internal error",
    async (_name, method) => {
      for (const request of messages(method.input)) {
        const error = await client.call(method, request as never).then(
          () => undefined,
          (reason: unknown) => reason as { code: status; details: string },
        );
        if (!error) continue;
        const shown = JSON.stringify(request, (_key, value) =>
          typeof value === "bigint" ? String(value) : typeof value === "string" ? value.slice(0, 30) : value,
        );
        expect([...ALLOWED], `${shown} → ${error.code} ${error.details}`).toContain(error.code);
        expect(error.details).not.toMatch(/select |insert |update |constraint|syntax|at \/|\.ts:/i);
      }
    },
    120_000,
  );

  it("leaves the service alive", async () => {
    await expect(client.call(WarehouseService.method.getStock, { listingId: 1n })).resolves.toBeDefined();
  });
});
