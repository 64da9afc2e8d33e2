import { randomUUID } from "node:crypto";
import {
  create,
  type DescField,
  type DescMessage,
  type DescMethodUnary,
  type Message,
  ScalarType,
  toBinary,
} from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { type ServiceError, status } from "@grpc/grpc-js";
import fc from "fast-check";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { OperationsService } from "../../gen/wms/v1/operations_service_pb.js";
import { WarehouseService } from "../../gen/wms/v1/warehouse_service_pb.js";
import { serviceHandlers } from "../../src/rpc/service-handlers.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { type Doors, openDoors, readRefusal, TestClient } from "../support/doors.ts";
import { everyWrite } from "../support/every-write.ts";
import { difference, fingerprint } from "../support/fingerprint.ts";
import { expectLaws } from "../support/outcomes.ts";
import { SEEDS } from "./harness/fault-row.ts";

let test: TestDatabase;
let doors: Doors;
let client: TestClient;
let make: Record<string, () => Promise<object>>;

beforeAll(async () => {
  test = await testDatabase();
  make = await everyWrite(test.db);
  const readStreamLag = () => Promise.reject(new Error("nobody asks for it here"));
  const deps = { db: test.db, logger: pino({ level: "silent" }), readStreamLag };
  doors = await openDoors(serviceHandlers(deps));
  client = new TestClient(doors.grpcAddress);
});
afterAll(async () => {
  client.close();
  await doors.close();
  await test.close();
});

const WRITES = [...WarehouseService.methods, ...OperationsService.methods].filter(
  (method): method is DescMethodUnary =>
    method.methodKind === "unary" && method.input.fields.some((field) => field.name === "request_id"),
);

async function requestOf(method: DescMethodUnary): Promise<Message> {
  return create(method.input, { ...(await make[method.localName]?.()), requestId: randomUUID() } as never);
}

type Put = (writer: BinaryWriter) => void;

/** A field of a request. */
interface Place {
  /** Such as `items[0].quantity`. */
  path: string;
  field: DescField;
  /** The request's bytes with another value there: of what is said twice on the wire, the last counts. */
  write: (put: Put) => Uint8Array;
}

/** The fields that hold such scalars: all of the request's own, and those that are set in what it holds. */
function placesOf(type: DescMessage, message: Message, scalar: ScalarType, prefix = ""): Place[] {
  return type.fields.flatMap((field) => {
    const value = (message as unknown as Record<string, unknown>)[field.localName];
    const path = `${prefix}${field.name}`;
    if (field.fieldKind === "scalar") {
      const tried = field.scalar === scalar && path !== "request_id" && (prefix === "" || Boolean(value));
      return tried ? [{ path, field, write: (put: Put) => appended(type, message, put) }] : [];
    }
    if (field.fieldKind === "list" && field.listKind === "scalar") {
      const tried = field.scalar === scalar && (value as unknown[]).length > 0;
      const emptied = create(type, { ...message, [field.localName]: [] } as never);
      return tried ? [{ path: `${path}[0]`, field, write: (put: Put) => appended(type, emptied, put) }] : [];
    }
    const inner = field.fieldKind === "list" ? (value as Message[])[0] : (value as Message | undefined);
    if (!field.message || !inner) return [];
    const emptied = create(type, {
      ...message,
      [field.localName]: field.fieldKind === "list" ? [] : undefined,
    } as never);
    const at = field.fieldKind === "list" ? `${path}[0].` : `${path}.`;
    return placesOf(field.message, inner, scalar, at).map((place) => ({
      ...place,
      write: (put: Put) =>
        appended(type, emptied, (writer) =>
          writer.tag(field.number, WireType.LengthDelimited).bytes(place.write(put)),
        ),
    }));
  });
}

function appended(type: DescMessage, message: Message, put: Put): Uint8Array {
  const writer = new BinaryWriter();
  put(writer);
  return Buffer.concat([toBinary(type, message), writer.finish()]);
}

async function answerTo(method: DescMethodUnary, bytes: Uint8Array) {
  return client.bytes(method, Buffer.from(bytes)).then(
    () => undefined,
    (error: unknown) => readRefusal(error as ServiceError),
  );
}

const SPOKEN_SQL =
  /\b(select|insert|update|delete) .*\b(from|into|set)\b|constraint|syntax|relation "|at \/|\.ts:/i;

/** As varints: what does not fit 32 bits is cut off by every reader of an int32. */
const BAD_QUANTITIES = [0n, -1n, 2n ** 31n - 1n, 2n ** 31n, -(2n ** 31n), 2n ** 63n - 1n, -(2n ** 63n)];
const BAD_IDS = [-1n, -(2n ** 31n), -(2n ** 63n), 2n ** 63n];

const UNKEPT = ["x".repeat(1_000_000), "a\u0000b", "a\u0007b"];

interface Case {
  place: Place;
  shown: string;
  put: Put;
}

function casesOf({ input }: DescMethodUnary, request: Message): Case[] {
  const number = (place: Place, value: bigint): Case => ({
    place,
    shown: String(value),
    put: (writer) => writer.tag(place.field.number, WireType.Varint).uint64(BigInt.asUintN(64, value)),
  });
  const words = (place: Place, value: string): Case => ({
    place,
    shown: JSON.stringify(value.slice(0, 10)),
    put: (writer) => writer.tag(place.field.number, WireType.LengthDelimited).string(value),
  });
  return [
    ...placesOf(input, request, ScalarType.INT32)
      .filter(({ path }) => path.endsWith("quantity"))
      .flatMap((place) => quantitiesFor(place).map((value) => number(place, value))),
    ...placesOf(input, request, ScalarType.INT64).flatMap((place) => BAD_IDS.map((id) => number(place, id))),
    ...placesOf(input, request, ScalarType.STRING).flatMap((place) =>
      UNKEPT.map((text) => words(place, text)),
    ),
  ];
}

/** A shelf may be counted empty. */
function quantitiesFor({ path }: Place): bigint[] {
  return path === "counted_quantity"
    ? BAD_QUANTITIES.filter((value) => BigInt.asIntN(32, value) < 0n)
    : BAD_QUANTITIES;
}

describe("row 54: numbers and texts that can't be right", () => {
  it.each(WRITES.map((method) => [method.name, method] as const))(
    "are refused by %s, by name",
    async (name, method) => {
      const request = await requestOf(method);
      const before = await fingerprint(test.db);
      const cases = casesOf(method, request);
      expect(cases.length).toBeGreaterThan(0);
      for (const { place, shown, put } of cases)
        expect(await answerTo(method, place.write(put)), `${name} ${place.path} = ${shown}`).toMatchObject({
          code: status.INVALID_ARGUMENT,
          reason: "INVALID_FIELD",
          fields: [place.path],
        });
      expect(difference(before, await fingerprint(test.db))).toEqual({});
    },
  );
});

const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 300 }),
  fc.constantFrom(
    "'; drop table orders; --",
    "\u0000",
    "a\u0000b",
    "\u202Egnp.exe",
    "${7*7}",
    "%s%n",
    "\uFFFF",
    "😀".repeat(300),
  ),
  fc.constantFrom(1_000, 100_000, 1_000_000).map((size) => "x".repeat(size)),
);

describe("row 54: texts that mean harm", () => {
  it.each(SEEDS)("get a fitting answer, and are kept as they are or not at all (seed %i)", async (seed) => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...WRITES), fc.nat(), text, async (method, nth, value) => {
        const request = await requestOf(method);
        const places = placesOf(method.input, request, ScalarType.STRING);
        if (places.length === 0) return;
        const { field, path, write } = places[nth % places.length] as Place;
        const bytes = write((writer) =>
          writer.tag(field.number, WireType.LengthDelimited).bytes(Buffer.from(value.toWellFormed())),
        );
        const refusal = await answerTo(method, bytes);
        if (!refusal) return;
        const seen = `${method.name} ${path}: ${refusal.code} ${refusal.message}`;
        expect([status.INVALID_ARGUMENT, status.NOT_FOUND, status.FAILED_PRECONDITION], seen).toContain(
          refusal.code,
        );
        expect(refusal.message).not.toMatch(SPOKEN_SQL);
      }),
      { seed, numRuns: 100 },
    );
    await expectLaws(test.db);
  });
});
