import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { status } from "@grpc/grpc-js";
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { OperationsService } from "../../gen/wms/v1/operations_service_pb.js";
import { WarehouseService } from "../../gen/wms/v1/warehouse_service_pb.js";
import type { Caller } from "../../src/rpc/handler.ts";
import { SERVICES } from "../../src/rpc/router.ts";
import { rolesFor } from "../../src/rpc/scopes.ts";
import { type Doors, openDoors, SECRET, TestClient, tokenOf } from "../support/doors.ts";

const { getPickingTask, adjustInventory } = WarehouseService.method;
const ROLES = ["worker", "service", "operator", "admin"] as const;

let doors: Doors;
let client: TestClient;
let keyServer: Server;
let privateKey: Awaited<ReturnType<typeof generateKeyPair>>["privateKey"];
let seen: Caller | undefined;

beforeAll(async () => {
  const pair = await generateKeyPair("EdDSA");
  privateKey = pair.privateKey;
  const jwk = { ...(await exportJWK(pair.publicKey)), kid: "one", alg: "EdDSA" };
  keyServer = createServer((_req, res) => res.end(JSON.stringify({ keys: [jwk] }))).listen(0, "127.0.0.1");
  await new Promise((resolve) => keyServer.once("listening", resolve));
  const jwks = `http://127.0.0.1:${(keyServer.address() as AddressInfo).port}/keys`;
  const getPickingTask = async ({ taskId }: { taskId: bigint }, caller: Caller) => {
    seen = caller;
    return { id: taskId };
  };
  doors = await openDoors(
    { warehouse: { getPickingTask } },
    { auth: { mode: "tokens", secret: SECRET, jwks } },
  );
  client = new TestClient(doors.grpcAddress);
});

afterAll(async () => {
  client.close();
  await doors.close();
  keyServer.close();
});

const goodClaims = () => ({
  sub: "tester",
  role: "admin",
  iss: "warehouse",
  aud: "wms.v1",
  exp: Math.floor(Date.now() / 1000) + 600,
});

function signed(claims: JWTPayload, { alg = "HS256", secret = SECRET } = {}): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ alg }).sign(new TextEncoder().encode(secret));
}

function refusalFor(token: string | undefined) {
  return client.refusal(
    getPickingTask,
    { taskId: 1n },
    token === undefined ? {} : { token: `Bearer ${token}` },
  );
}

describe("a good token", () => {
  it("tells the handler who calls", async () => {
    const token = await tokenOf("worker", 42n);
    await client.call(getPickingTask, { taskId: 1n }, { token: `Bearer ${token}` });
    expect(seen).toMatchObject({
      principal: "test-worker",
      role: "worker",
      workerId: 42n,
      method: "wms.v1.WarehouseService/GetPickingTask",
    });
  });

  it("may be signed with a published key", async () => {
    const token = await new SignJWT({ ...goodClaims(), worker_id: 7, role: "worker" })
      .setProtectedHeader({ alg: "EdDSA", kid: "one" })
      .sign(privateKey);
    await client.call(getPickingTask, { taskId: 1n }, { token: `bearer ${token}` });
    expect(seen?.workerId).toBe(7n);
  });

  it("opens the HTTP door as well", async () => {
    const call = (headers: Record<string, string>) =>
      fetch(`${doors.httpUrl}/wms.v1.WarehouseService/GetPickingTask`, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body: '{"taskId":"3"}',
      });
    expect((await call({ authorization: `Bearer ${await tokenOf("service")}` })).status).toBe(200);
    const refused = await call({});
    expect(refused.status).toBe(401);
    expect(await refused.json()).toMatchObject({
      code: "unauthenticated",
      message: expect.stringMatching(/missing/),
    });
  });
});

describe("a bad token", () => {
  const past = () => Math.floor(Date.now() / 1000) - 3600;
  const without = (claim: string) =>
    Object.fromEntries(Object.entries(goodClaims()).filter(([key]) => key !== claim));
  const unsigned = () => {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    return Promise.resolve(`${part({ alg: "none" })}.${part(goodClaims())}.`);
  };

  it.each<[string, () => Promise<string | undefined>, RegExp]>([
    ["missing", () => Promise.resolve(undefined), /header is missing/],
    ["not a token", () => Promise.resolve("letmein"), /is not "Bearer <token>"/],
    ["without a signature", unsigned, /algorithm is not accepted/],
    ["expired", () => signed({ ...goodClaims(), exp: past() }), /has expired at \d{4}-/],
    ["without an end", () => signed(without("exp")), /"exp" is missing/],
    ["without a subject", () => signed(without("sub")), /"sub" is missing/],
    ["without a role", () => signed(without("role")), /"role" is missing or wrong/],
    [
      "for somebody else",
      () => signed({ ...goodClaims(), aud: "billing" }),
      /audience \("aud"\) must be "wms.v1"/,
    ],
    [
      "from somebody else",
      () => signed({ ...goodClaims(), iss: "me" }),
      /issuer \("iss"\) must be "warehouse"/,
    ],
    ["with an unknown role", () => signed({ ...goodClaims(), role: "root" }), /"role" is missing or wrong/],
    ["of a worker without an id", () => signed({ ...goodClaims(), role: "worker" }), /"worker_id"/],
    ["of worker 0", () => signed({ ...goodClaims(), role: "worker", worker_id: 0 }), /"worker_id"/],
    [
      "signed with another secret",
      () => signed(goodClaims(), { secret: `${SECRET}!` }),
      /not signed with a key/,
    ],
    ["of another algorithm", () => signed(goodClaims(), { alg: "HS512" }), /algorithm is not accepted/],
  ])("that is %s is refused, and says so", async (_name, make, message) => {
    const token = await make();
    const refusal = await refusalFor(token);
    expect(refusal).toMatchObject({ code: status.UNAUTHENTICATED, reason: "UNAUTHENTICATED" });
    expect(refusal.message).toMatch(message);
    expect(refusal.message).not.toContain(SECRET);
  });

  it("that was good stops being so when it expires", async () => {
    const token = await signed({ ...goodClaims(), exp: Math.floor(Date.now() / 1000) - 4 }); // within the tolerance
    await client.call(getPickingTask, { taskId: 1n }, { token: `Bearer ${token}` });
    await expect
      .poll(
        () =>
          refusalFor(token).then(
            (refusal) => refusal.code,
            () => 0,
          ),
        { timeout: 8_000, interval: 300 },
      )
      .toBe(status.UNAUTHENTICATED);
  });

  it("never gets into the log", async () => {
    const token = await signed({ ...goodClaims(), aud: "billing" });
    await refusalFor(token);
    expect(JSON.stringify(doors.logged)).not.toContain(token);
  });
});

describe("scopes", () => {
  it("say which role may not, which would, and refuse before the handler", async () => {
    const token = `Bearer ${await tokenOf("worker", 1n)}`;
    const refusal = await client.refusal(adjustInventory, { productLocationId: 1n }, { token });
    expect(refusal).toMatchObject({
      code: status.PERMISSION_DENIED,
      reason: "SCOPE_MISSING",
      metadata: { role: "worker", allowed: "operator,admin" },
      message: "role worker may not call AdjustInventory; roles that may: operator, admin",
    });
  });

  it("hold for every role and every RPC", async () => {
    const tokens = new Map(
      await Promise.all(
        ROLES.map(
          async (role) =>
            [role, `Bearer ${await tokenOf(role, role === "worker" ? 1n : undefined)}`] as const,
        ),
      ),
    );
    for (const method of SERVICES.flatMap((service) => service.methods)) {
      if (method === getPickingTask || method.methodKind !== "unary") continue;
      const allowed = rolesFor(method.parent.typeName, method.localName);
      const codes = await Promise.all(
        ROLES.map(async (role) => (await client.refusal(method, {}, { token: tokens.get(role) ?? "" })).code),
      );
      const expected = ROLES.map((role) =>
        allowed.includes(role) ? status.UNIMPLEMENTED : status.PERMISSION_DENIED,
      );
      expect(codes, method.name).toEqual(expected);
    }
  });

  it("cover the operations too", () => {
    expect(rolesFor(OperationsService.typeName, "discardDeadLetter")).toEqual(["operator", "admin"]);
    expect(rolesFor(WarehouseService.typeName, "constructor")).toEqual([]);
  });
});
