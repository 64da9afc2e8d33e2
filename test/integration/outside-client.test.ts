import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, it } from "vitest";
import { aboutCall } from "../../src/outside/call-context.ts";
import type { BreakerChange, HostLimits } from "../../src/outside/host-guard.ts";
import {
  createOutside,
  type OutsideCall,
  type OutsideClientOptions,
  OutsideError,
  type OutsideRequest,
} from "../../src/outside/outside-client.ts";
import { type OutsideHost, startOutsideHost } from "../support/outside-host.ts";
import { until } from "../support/until.ts";

const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});

async function host(answer: Parameters<typeof startOutsideHost>[0]): Promise<OutsideHost> {
  const started = await startOutsideHost(answer);
  opened.push(started);
  return started;
}

/** Answers with these statuses, the last of them for ever. */
function statuses(...given: number[]) {
  return host((_seen, response, nth) =>
    response
      .writeHead(given[nth - 1] ?? (given.at(-1) as number), { "content-type": "text/plain" })
      .end("words"),
  );
}

function clientOf(
  baseUrl: string,
  {
    limits = {} as Partial<HostLimits>,
    ...options
  }: Partial<OutsideClientOptions> & { limits?: Partial<HostLimits> } = {},
) {
  const calls: OutsideCall[] = [];
  const changes: BreakerChange[] = [];
  const outside = createOutside(
    { record: async (call) => void calls.push(call), breakerChanged: (change) => void changes.push(change) },
    limits,
  );
  return { calls, changes, outside, client: outside({ service: "testship", baseUrl, ...options }) };
}

const get: OutsideRequest = { operation: "track", method: "GET", path: "/track" };
const post: OutsideRequest = { operation: "create_label", method: "POST", path: "/labels", body: "{}" };

function failureOf(sent: Promise<unknown>): Promise<OutsideError> {
  return sent.then(
    () => Promise.reject(new Error("it was answered")),
    (error: unknown) => {
      expect(error).toBeInstanceOf(OutsideError);
      return error as OutsideError;
    },
  );
}

/** A host on the level of TCP: `meet` gets every connection. */
async function tcpHost(meet: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on("error", () => {}));
    meet(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  opened.push({
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe("a request that gets no answer", () => {
  it("was surely not sent when nobody listens", async () => {
    const gone = await statuses(200);
    await gone.close();
    opened.pop();
    const { client, calls } = clientOf(gone.url);
    expect(await failureOf(client.send(post))).toMatchObject({ failure: "not_sent" });
    expect(calls).toMatchObject([{ status_code: null, is_success: false, endpoint: "create_label" }]);
  });

  it("was surely not sent when the name is nobody's, or the line never stands", async () => {
    const { client } = clientOf("http://nobody.invalid");
    expect((await failureOf(client.send(post))).failure).toBe("not_sent");
    // TLS that never answers: the connection is made, the request cannot have been said.
    const deaf = await tcpHost(() => {});
    const { client: tls } = clientOf(deaf.replace("http:", "https:"));
    expect((await failureOf(tls.send({ ...post, timeoutMs: 200 }))).failure).toBe("not_sent");
  });

  it("may have been heard when the host is silent, hangs up, or breaks off", async () => {
    const silent = await tcpHost(() => {});
    expect((await failureOf(clientOf(silent).client.send({ ...post, timeoutMs: 100 }))).failure).toBe(
      "no_answer",
    );
    const rude = await tcpHost((socket) => socket.once("data", () => socket.destroy()));
    expect((await failureOf(clientOf(rude).client.send(post))).failure).toBe("no_answer");
    const broken = await tcpHost((socket) =>
      socket.once("data", () => socket.end("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")),
    );
    expect((await failureOf(clientOf(broken).client.send(post))).failure).toBe("no_answer");
  });

  it("is a label purchase on a line of its own: a kept line may close just as it is used", async () => {
    const sockets = new Set<unknown>();
    const server = await host((_seen, response: ServerResponse) => {
      sockets.add(response.socket);
      response.end();
    });
    const { client } = clientOf(server.url);
    for (let nth = 0; nth < 3; nth++) await client.send(post);
    expect(sockets.size).toBe(3);
    for (let nth = 0; nth < 3; nth++) await client.send(get);
    expect(sockets.size).toBe(4);
  });

  it("is no answer when there is too much of it, and none of it is kept", async () => {
    const endless = await host((_seen, response) => {
      response.writeHead(200, { "content-encoding": "gzip" });
      response.end(gzipSync(Buffer.alloc(21_000_000)));
    });
    expect(await failureOf(clientOf(endless.url).client.send(post))).toMatchObject({ failure: "no_answer" });
  });
});

describe("an answer", () => {
  it("is whatever the host says, packed or not, and a redirect is not followed", async () => {
    const server = await host((seen, response) => {
      if (seen.url === "/moved") return response.writeHead(302, { location: "/elsewhere" }).end();
      return response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync("hello"));
    });
    const { client } = clientOf(server.url);
    expect((await client.send(post)).body.toString()).toBe("hello");
    expect((await client.send({ ...get, path: "/moved" })).status).toBe(302);
    expect(server.seen.map(({ url }) => url)).toEqual(["/labels", "/moved"]);
  });

  it("says when to come back, in seconds or as a date", async () => {
    const server = await host((_seen, response, nth) => {
      const at = new Date(Date.now() + 90_000).toUTCString();
      response.writeHead(429, { "retry-after": nth === 1 ? "17" : at }).end();
    });
    const { client } = clientOf(server.url);
    expect((await client.send(post)).retryAfterSeconds).toBe(17);
    expect((await client.send(post)).retryAfterSeconds).toBeGreaterThan(85);
  });
});

describe("a request that may be repeated", () => {
  it("is sent again after 429, 5xx and lost answers, each try on record", async () => {
    for (const status of [429, 500, 502, 503, 504]) {
      const server = await statuses(status, status, 200);
      const { client, calls } = clientOf(server.url);
      expect((await client.send(get)).status).toBe(200);
      expect(calls.map((call) => call.status_code)).toEqual([status, status, 200]);
    }
  });

  it("is not sent again when trying again changes nothing", async () => {
    for (const status of [400, 401, 404, 409, 422, 501]) {
      const server = await statuses(status, 200);
      expect((await clientOf(server.url).client.send(get)).status).toBe(status);
    }
  });

  it("is any that says so, and no other", async () => {
    const server = await statuses(503, 200);
    expect((await clientOf(server.url).client.send(post)).status).toBe(503);
    const again = await statuses(503, 200);
    expect((await clientOf(again.url).client.send({ ...post, repeatable: true })).status).toBe(200);
  });

  it("is left to its job when the host wants more patience than a call has", async () => {
    const server = await host((_seen, response) => response.writeHead(503, { "retry-after": "60" }).end());
    expect(await clientOf(server.url).client.send(get)).toMatchObject({ status: 503, retryAfterSeconds: 60 });
    expect(server.seen).toHaveLength(1);
  });

  it("is not repeated when everything fails: retries have a budget", async () => {
    const server = await statuses(503);
    const { client } = clientOf(server.url, { limits: { failures: 1_000 } });
    for (let nth = 0; nth < 30; nth++) await client.send(get);
    expect(server.seen.length).toBeLessThanOrEqual(30 + 5 + 3);
  });

  it("may have been heard when its first try was, although the last was not sent", async () => {
    const rude = await tcpHost((socket) => socket.once("data", () => socket.destroy()));
    const { client } = clientOf(rude, { limits: { failures: 1 } });
    expect(await failureOf(client.send({ ...post, repeatable: true }))).toMatchObject({
      failure: "no_answer",
      message: expect.stringContaining("left in peace"),
    });
  });
});

describe("a host that is down", () => {
  it("is left in peace, asked by one call at a time, and taken up again when it is back", async () => {
    let up = false;
    const server = await host((_seen, response) => response.writeHead(up ? 200 : 500).end());
    const { client, changes } = clientOf(server.url, {
      limits: { failures: 3, restMs: 100, longestRestMs: 400 },
    });
    for (let nth = 0; nth < 3; nth++) expect((await client.send(post)).status).toBe(500);
    for (let nth = 0; nth < 50; nth++)
      expect(await failureOf(client.send(post))).toMatchObject({ failure: "not_sent", retryAfterSeconds: 1 });
    expect(server.seen).toHaveLength(3);
    expect(changes).toMatchObject([{ service: "testship", state: "open", down_since: expect.any(Date) }]);
    await until("one call tries", async () => client.send(post).catch(() => undefined));
    expect(server.seen).toHaveLength(4);
    up = true;
    await until("the host is back", async () => (await client.send(post)).status === 200);
    const states = changes.map(({ state }) => state);
    expect(states.slice(0, 3)).toEqual(["open", "half_open", "open"]);
    expect(changes.at(-1)).toMatchObject({ state: "closed", down_since: null });
    expect(new Set(changes.slice(0, -1).map(({ down_since }) => down_since?.getTime())).size).toBe(1);
  });

  it("does not stop calls to another", async () => {
    const [bad, good] = [await statuses(500), await statuses(200)];
    const { outside } = clientOf(bad.url, { limits: { failures: 2 } });
    const sick = outside({ service: "sick", baseUrl: bad.url });
    for (let nth = 0; nth < 2; nth++) await sick.send(post);
    expect((await failureOf(outside({ service: "sick too", baseUrl: bad.url }).send(post))).failure).toBe(
      "not_sent",
    );
    expect((await outside({ service: "well", baseUrl: good.url }).send(post)).status).toBe(200);
  });

  it("is not one that only says no", async () => {
    const server = await statuses(400);
    const { client } = clientOf(server.url, { limits: { failures: 2 } });
    for (let nth = 0; nth < 6; nth++) expect((await client.send(post)).status).toBe(400);
  });
});

describe("limits", () => {
  it("hold calls back until it is their turn, and refuse those whose turn is far", async () => {
    const server = await statuses(200);
    const limit = { calls: 2, seconds: 0.4 };
    const { client } = clientOf(server.url, { rateLimit: () => limit, limits: { turnMs: 500 } });
    const started = performance.now();
    const all = await Promise.allSettled(Array.from({ length: 8 }, () => client.send(post)));
    expect(all.filter((one) => one.status === "fulfilled")).toHaveLength(4);
    expect(performance.now() - started).toBeGreaterThan(350);
    const refused = all.filter((one) => one.status === "rejected");
    for (const { reason } of refused)
      expect(reason).toMatchObject({ failure: "not_sent", retryAfterSeconds: 1 });
  });

  it("let only so many calls into a host at once, and only so many wait", async () => {
    let inside = 0;
    let most = 0;
    const server = await host(async (_seen, response) => {
      most = Math.max(most, ++inside);
      await new Promise((resolve) => setTimeout(resolve, 20));
      inside--;
      response.end();
    });
    const { client } = clientOf(server.url, { limits: { concurrency: 3, queue: 5 } });
    const all = await Promise.allSettled(Array.from({ length: 12 }, () => client.send(post)));
    expect(most).toBe(3);
    expect(all.filter((one) => one.status === "fulfilled")).toHaveLength(8);
  });

  it("of time hold for a context: nothing is sent in the name of what is over", async () => {
    const server = await host(() => {}); // never answers
    const { client } = clientOf(server.url);
    const within = (ms: number) =>
      aboutCall({ related_id: "shipment:1", attempt: 1, until: performance.now() + ms }, () =>
        failureOf(client.send(post)),
      );
    expect((await within(-1)).failure).toBe("not_sent");
    expect(server.seen).toHaveLength(0);
    expect((await within(100)).failure).toBe("no_answer");
  });
});

describe("the record", () => {
  it("says what each call was about", async () => {
    const server = await statuses(200);
    const { client, calls } = clientOf(server.url);
    await Promise.all(
      [17, 18].map((id) => aboutCall({ related_id: `shipment:${id}`, attempt: id }, () => client.send(post))),
    );
    expect(calls.map(({ related_id, attempt }) => `${related_id} ${attempt}`).toSorted()).toEqual([
      "shipment:17 17",
      "shipment:18 18",
    ]);
    expect(calls[0]).toMatchObject({
      service: "testship",
      endpoint: "create_label",
      request_payload: { method: "POST", path: "/labels", body: {} },
      response_body: "words",
      status_code: 200,
      is_success: true,
    });
  });

  it("says so too of calls that had to wait for others", async () => {
    const server = await statuses(200);
    const { client, calls } = clientOf(server.url, { limits: { concurrency: 1 } });
    await Promise.all(
      [1, 2, 3, 4, 5].map((id) =>
        aboutCall({ related_id: `shipment:${id}`, attempt: id }, () =>
          client.send({ ...post, path: `/labels/${id}` }),
        ),
      ),
    );
    for (const { related_id, attempt, request_payload } of calls) {
      expect(related_id).toBe(`shipment:${attempt}`);
      expect(request_payload).toMatchObject({ path: `/labels/${attempt}` });
    }
    expect(calls).toHaveLength(5);
  });

  it("may fail without taking the answer with it", async () => {
    const server = await statuses(200);
    const failed: unknown[] = [];
    const outside = createOutside({
      record: () => Promise.reject(new Error("no database")),
      unrecorded: (what) => void failed.push(what),
    });
    expect((await outside({ service: "testship", baseUrl: server.url }).send(post)).status).toBe(200);
    expect(failed).toMatchObject([{ service: "testship", endpoint: "create_label" }]);
  });
});
