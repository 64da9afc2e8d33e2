import { fromBinary } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";
import { pino } from "pino";
import { describe, expect, it } from "vitest";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "../../gen/google/rpc/error_details_pb.js";
import { StatusSchema } from "../../gen/google/rpc/status_pb.js";
import { DomainError, REASONS, type Reason } from "../../src/domain/errors.ts";
import { fromDatabaseError } from "../../src/rpc/database-errors.ts";
import { encodeDetails, toConnectError } from "../../src/rpc/errors.ts";

const silent = pino({ level: "silent" });

function databaseError(code: string, fields: { constraint?: string; message?: string } = {}): Error {
  return Object.assign(new Error(fields.message ?? "select secret from table"), { code, ...fields });
}

describe("fromDatabaseError", () => {
  it.each<[string, Error, Reason]>([
    [
      "a refused transition",
      databaseError("23514", {
        constraint: "picking_tasks_transition_check",
        message: "picking_task cannot go from completed to cancelled",
      }),
      "ILLEGAL_TRANSITION",
    ],
    [
      "a taken tracking number",
      databaseError("23505", { constraint: "shipments_live_tracking_key" }),
      "TRACKING_NUMBER_TAKEN",
    ],
    [
      "a second live task",
      databaseError("23505", { constraint: "picking_tasks_one_live_key" }),
      "PICKING_TASK_EXISTS",
    ],
    ["a serialization failure", databaseError("40001"), "CONCURRENT_UPDATE"],
    ["a deadlock", databaseError("40P01"), "CONCURRENT_UPDATE"],
    ["a lock that did not come", databaseError("55P03"), "CONCURRENT_UPDATE"],
    ["a statement that took too long", databaseError("57014"), "DEPENDENCY_UNAVAILABLE"],
    ["a server that goes down", databaseError("57P01"), "DEPENDENCY_UNAVAILABLE"],
    ["too many connections", databaseError("53300"), "DEPENDENCY_UNAVAILABLE"],
    ["a full disk", databaseError("53100"), "DEPENDENCY_UNAVAILABLE"],
    ["nobody there", databaseError("ECONNREFUSED"), "DEPENDENCY_UNAVAILABLE"],
    ["an exhausted pool", new Error("timeout exceeded when trying to connect"), "DEPENDENCY_UNAVAILABLE"],
    ["a connection that broke", new Error("Connection terminated unexpectedly"), "DEPENDENCY_UNAVAILABLE"],
    ["an answer that never came", new Error("Query read timeout"), "DEPENDENCY_UNAVAILABLE"],
    ["a sum too large", databaseError("22003"), "INVALID_FIELD"],
  ])("knows %s", (_name, error, reason) => {
    const known = fromDatabaseError(error);
    expect(known?.reason).toBe(reason);
    expect(known?.message).not.toContain("select");
  });

  it("names both statuses of a refused transition", () => {
    const message = "picking_task cannot go from completed to cancelled";
    const known = fromDatabaseError(
      databaseError("23514", { constraint: "picking_tasks_transition_check", message }),
    );
    expect(known?.metadata).toEqual({ resource: "picking_task", from: "completed", to: "cancelled" });
  });

  it("leaves the unknown unknown", () => {
    expect(fromDatabaseError(databaseError("23505", { constraint: "other_key" }))).toBeUndefined();
    expect(fromDatabaseError(databaseError("42601"))).toBeUndefined();
    expect(fromDatabaseError(new TypeError("x is not a function"))).toBeUndefined();
    expect(fromDatabaseError(null)).toBeUndefined();
  });
});

describe("toConnectError", () => {
  it.each(Object.keys(REASONS) as Reason[])("gives %s a code and its ErrorInfo", (reason) => {
    const error = toConnectError(new DomainError(reason, "no"), silent, "m");
    expect(error.code).not.toBe(Code.Unknown);
    expect(error.code).not.toBe(Code.Internal);
    expect(error.findDetails(ErrorInfoSchema)[0]).toMatchObject({ reason, domain: "wms" });
    const retry = error.findDetails(RetryInfoSchema).length > 0;
    expect(retry).toBe(reason === "OVERLOADED" || reason === "DEPENDENCY_UNAVAILABLE");
  });

  it("stays within what a header holds", () => {
    const violations = Array.from({ length: 1_000 }, (_, index) => ({
      field: `items[${index}]`,
      description: "x".repeat(999),
    }));
    const long = new DomainError(
      "INVALID_FIELD",
      "ü".repeat(100_000),
      { value: "y".repeat(100_000) },
      violations,
    );
    const error = toConnectError(long, silent, "m");
    expect(encodeURI(error.rawMessage).length).toBeLessThan(4_000);
    expect(encodeDetails(error)?.length).toBeLessThan(4_000);
  });
});

describe("encodeDetails", () => {
  it("writes a google.rpc.Status that says the same", () => {
    const refusal = new DomainError("INVALID_FIELD", "a: b", { field: "a" }, [
      { field: "a", description: "b" },
    ]);
    const status = fromBinary(
      StatusSchema,
      encodeDetails(toConnectError(refusal, silent, "m")) ?? new Uint8Array(),
    );
    expect(status).toMatchObject({ code: Code.InvalidArgument, message: "a: b" });
    const details = status.details.map(
      (any) => anyUnpack(any, ErrorInfoSchema) ?? anyUnpack(any, BadRequestSchema),
    );
    expect(details).toMatchObject([
      { reason: "INVALID_FIELD" },
      { fieldViolations: [{ field: "a", description: "b" }] },
    ]);
  });
});
