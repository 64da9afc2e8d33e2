import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { credentials, status } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WarehouseService } from "../../gen/wms/v1/warehouse_service_pb.js";
import { type Doors, openDoors, TestClient } from "../support/doors.ts";

const { getPickingTask } = WarehouseService.method;
const folder = mkdtempSync(join(tmpdir(), "warehouse-tls-"));

/** A self-signed certificate for 127.0.0.1, which is its own authority. */
function certificate(name: string): { cert: Buffer; key: Buffer } {
  const [key, cert] = [join(folder, `${name}.key`), join(folder, `${name}.crt`)];
  const subject = ["-subj", `/CN=${name}`, "-addext", "subjectAltName=IP:127.0.0.1"];
  const files = ["-keyout", key, "-out", cert, "-nodes", "-days", "2"];
  execFileSync("openssl", ["req", "-x509", "-newkey", "rsa:2048", ...files, ...subject], { stdio: "ignore" });
  return { cert: readFileSync(cert), key: readFileSync(key) };
}

function hasOpenssl(): boolean {
  try {
    execFileSync("openssl", ["version"]);
    return true;
  } catch {
    return false;
  }
}

describe.skipIf(!hasOpenssl())("with TLS and callers' certificates", () => {
  let doors: Doors;
  let server: { cert: Buffer; key: Buffer };
  let caller: { cert: Buffer; key: Buffer };

  beforeAll(async () => {
    [server, caller] = [certificate("server"), certificate("caller")];
    const handlers = {
      warehouse: { getPickingTask: async ({ taskId }: { taskId: bigint }) => ({ id: taskId }) },
    };
    doors = await openDoors(handlers, { tls: { ...server, clientCa: caller.cert } });
  });

  afterAll(() => doors.close());

  it("serves a caller with a trusted certificate", async () => {
    const client = new TestClient(
      doors.grpcAddress,
      credentials.createSsl(server.cert, caller.key, caller.cert),
    );
    expect((await client.call(getPickingTask, { taskId: 4n })).id).toBe(4n);
    client.close();
    expect(await getLivez({ ca: server.cert, ...caller })).toBe(200);
  });

  it("serves nobody without one, and nobody in the clear", async () => {
    for (const wrong of [credentials.createSsl(server.cert), credentials.createInsecure()]) {
      const client = new TestClient(doors.grpcAddress, wrong);
      expect((await client.refusal(getPickingTask, { taskId: 4n })).code).toBe(status.UNAVAILABLE);
      client.close();
    }
    await expect(getLivez({ ca: server.cert })).rejects.toThrow();
  });

  function getLivez(options: object): Promise<number | undefined> {
    return new Promise((resolve, reject) => {
      request(`${doors.httpUrl}/livez`, options, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on("error", reject)
        .end();
    });
  }
});
