import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import * as grpc from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Doors, openDoors, reflectionClient, SECRET } from "../support/doors.ts";

let doors: Doors;

beforeAll(async () => {
  doors = await openDoors({}, { auth: { mode: "tokens", secret: SECRET } }); // discovery needs no token
});

afterAll(() => doors.close());

interface ReflectionAnswer {
  listServicesResponse?: { service: { name: string }[] };
  fileDescriptorResponse?: { fileDescriptorProto: Uint8Array[] };
  errorResponse?: { errorCode: number; errorMessage: string };
}

function ask(version: "v1" | "v1alpha", request: object): Promise<ReflectionAnswer> {
  const client = reflectionClient(doors.grpcAddress, version);
  const method = Object.keys(client.constructor.prototype as object).find((name) =>
    /ServerReflectionInfo/i.test(name),
  );
  const stream = (
    client as unknown as Record<string, () => grpc.ClientDuplexStream<object, ReflectionAnswer>>
  )[method ?? ""]?.();
  return new Promise((resolve, reject) => {
    stream?.on("data", (answer) => {
      resolve(answer);
      stream.end();
      client.close();
    });
    stream?.on("error", reject);
    stream?.write(request);
  });
}

describe.each(["v1", "v1alpha"] as const)("reflection %s", (version) => {
  it("lists the services", async () => {
    const { listServicesResponse } = await ask(version, { listServices: "*" });
    expect(listServicesResponse?.service.map(({ name }) => name)).toEqual(
      expect.arrayContaining([
        "wms.v1.WarehouseService",
        "wms.v1.OperationsService",
        "grpc.health.v1.Health",
      ]),
    );
  });

  it.each([
    ["wms.v1.WarehouseService", "wms.v1.WarehouseService"],
    ["wms.v1.OperationsService.Verify", "wms.v1.OperationsService"], // a method comes with its service
    ["wms.v1.PickItemRequest", "wms.v1.PickItemRequest"],
    ["google.rpc.ErrorInfo", "google.rpc.ErrorInfo"],
  ])("gives %s with everything that it needs", async (symbol, type) => {
    const { fileDescriptorResponse } = await ask(version, { fileContainingSymbol: symbol });
    const file = (fileDescriptorResponse?.fileDescriptorProto ?? []).map((bytes) =>
      fromBinary(FileDescriptorProtoSchema, bytes),
    );
    // A client links the files that it got; imports that it lacks, it asks for by name.
    const known = new Map(file.map((one) => [one.name, one]));
    for (const name of file.flatMap((one) => one.dependency).filter((one) => !known.has(one))) {
      const more = await ask(version, { fileByFilename: name });
      for (const bytes of more.fileDescriptorResponse?.fileDescriptorProto ?? []) {
        const one = fromBinary(FileDescriptorProtoSchema, bytes);
        known.set(one.name, one);
      }
    }
    const registry = createFileRegistry({
      $typeName: FileDescriptorSetSchema.typeName,
      file: inOrder([...known.values()]),
    });
    expect(registry.get(type)?.typeName).toBe(type);
  });

  it("says that it does not know what it does not know", async () => {
    const { errorResponse } = await ask(version, { fileContainingSymbol: "wms.v1.Nothing" });
    expect(errorResponse?.errorCode).toBe(grpc.status.NOT_FOUND);
  });
});

function inOrder<F extends { name: string; dependency: string[] }>(files: F[]): F[] {
  const placed = new Map<string, F>();
  const place = (file: F) => {
    if (placed.has(file.name)) return;
    for (const one of files) if (file.dependency.includes(one.name)) place(one);
    placed.set(file.name, file);
  };
  files.forEach(place);
  return [...placed.values()];
}

describe("reflection switched off", () => {
  it("hides the descriptors", async () => {
    const closed = await openDoors({}, { reflection: false });
    const open = doors;
    doors = closed;
    await expect(ask("v1", { listServices: "*" })).rejects.toMatchObject({ code: grpc.status.UNIMPLEMENTED });
    doors = open;
    await closed.close();
  });
});

const PYTHON = `
import sys, grpc
channel = grpc.insecure_channel(sys.argv[1])
health = channel.unary_unary("/grpc.health.v1.Health/Check", lambda b: b, lambda b: b)
print(health(b"", timeout=10).hex())
print(health(b"\\x0a\\x17wms.v1.WarehouseService", timeout=10).hex())
call = channel.unary_unary("/wms.v1.WarehouseService/GetPickingTask", lambda b: b, lambda b: b)
try:
    call(b"\\x08\\x05", timeout=10)
except grpc.RpcError as error:
    trailers = dict(error.trailing_metadata())
    print(error.code().name, error.details().split(":")[0], b"UNAUTHENTICATED" in trailers["grpc-status-details-bin"])
`;

/** The system's own Python comes first: Debian's package puts the module there. */
async function findPython(): Promise<string | undefined> {
  for (const program of ["/usr/bin/python3", "python3"]) {
    const has = promisify(execFile)(program, ["-c", "import grpc"]);
    if (
      await has.then(
        () => true,
        () => false,
      )
    )
      return program;
  }
  return undefined;
}

const python = await findPython();
const skipReason = python ? "" : " (skipped: no python3 with the grpc module)";

describe("a C-core client", () => {
  it.skipIf(!python)(`reads health and error details${skipReason}`, async () => {
    const args = ["-c", PYTHON, doors.grpcAddress];
    const { stdout } = await promisify(execFile)(python ?? "", args, { timeout: 30_000 });
    expect(stdout.trim().split("\n")).toEqual([
      "0801",
      "0801",
      'UNAUTHENTICATED the "authorization" header is missing True',
    ]);
  });
});
