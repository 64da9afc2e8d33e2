import { describe, expect, it } from "vitest";
import { z } from "zod";
import { createCarrierHost } from "../../src/carriers/answers.ts";
import { CarrierRefusal, CarrierUnavailable, CarrierUncertain } from "../../src/carriers/carrier.ts";
import { createToken } from "../../src/carriers/token.ts";
import {
  type OutsideAnswer,
  type OutsideClient,
  OutsideError,
  type OutsideRequest,
} from "../../src/outside/outside-client.ts";

const NOW = new Date("2027-01-01T00:00:00Z");
const BUY = { operation: "create_label", method: "POST", path: "/labels", buys: true } as const;
const READ = { operation: "track", method: "GET", path: "/track" } as const;

type Reply = { status?: number; headers?: Record<string, string>; body?: string } | OutsideError;

/** Answers with what is on the list, one after the other, and the last for ever. */
function client(replies: Reply[], sent: OutsideRequest[] = []): OutsideClient {
  return {
    send: async (request) => {
      sent.push(request);
      const reply = (replies.length > 1 ? replies.shift() : replies[0]) as Reply;
      if (reply instanceof OutsideError) throw reply;
      const { status = 200, headers = {}, body = "{}" } = reply;
      return { status, headers: new Headers(headers), body: Buffer.from(body) };
    },
  };
}

function readError({ body }: OutsideAnswer) {
  return z.object({ code: z.string(), message: z.string() }).parse(JSON.parse(body.toString()));
}

function host(...replies: Reply[]) {
  return createCarrierHost({ client: client(replies), name: "Acme", readError, now: () => NOW });
}

const no = (status: number, headers = {}) => ({
  status,
  headers,
  body: `{"code":"E1","message":"No such town"}`,
});
const said = (error: unknown) => error as Error & { code: string; retryAfterSeconds: number | null };

describe("a carrier's answer", () => {
  it.each([400, 403, 404, 405, 409, 422])(
    "of %d is a refusal with the carrier's code and text",
    async (status) => {
      const error = said(
        await host(no(status))
          .ask(BUY)
          .catch((reason: unknown) => reason),
      );
      expect(error).toBeInstanceOf(CarrierRefusal);
      expect(error.code).toBe("E1");
      expect(error.message).toContain("No such town");
    },
  );

  it.each([429, 503])("of %d says that nothing was done, also to a purchase", async (status) => {
    const error = said(
      await host(no(status, { "retry-after": "7" }))
        .ask(BUY)
        .catch((reason: unknown) => reason),
    );
    expect(error).toBeInstanceOf(CarrierUnavailable);
    expect(error.retryAfterSeconds).toBe(7);
  });

  it("may name the moment until which to wait", async () => {
    const later = no(429, { "retry-after": "Fri, 01 Jan 2027 00:02:00 GMT" });
    expect(
      said(
        await host(later)
          .ask(READ)
          .catch((reason: unknown) => reason),
      ).retryAfterSeconds,
    ).toBe(120);
    expect(
      said(
        await host(no(503, { "retry-after": "soon" }))
          .ask(READ)
          .catch((reason: unknown) => reason),
      ).retryAfterSeconds,
    ).toBeNull();
  });

  it.each([408, 500, 502, 504, 520])("of %d leaves a purchase uncertain, a question open", async (status) => {
    await expect(host(no(status)).ask(BUY)).rejects.toBeInstanceOf(CarrierUncertain);
    await expect(host(no(status)).ask(READ)).rejects.toBeInstanceOf(CarrierUnavailable);
  });

  it("that never came leaves a purchase uncertain only if it was sent", async () => {
    await expect(host(new OutsideError("reset", "no_answer")).ask(BUY)).rejects.toBeInstanceOf(
      CarrierUncertain,
    );
    await expect(host(new OutsideError("reset", "no_answer")).ask(READ)).rejects.toBeInstanceOf(
      CarrierUnavailable,
    );
    await expect(host(new OutsideError("refused", "not_sent")).ask(BUY)).rejects.toBeInstanceOf(
      CarrierUnavailable,
    );
  });

  it("that can't come for a while says for how long", async () => {
    const resting = new OutsideError("rests", "not_sent", { retryAfterSeconds: 12 });
    await expect(host(resting).ask(BUY)).rejects.toMatchObject({
      name: "CarrierUnavailable",
      retryAfterSeconds: 12,
    });
  });

  it("of success that can't be read is as good as lost", async () => {
    const shape = z.object({ number: z.string() });
    for (const body of ["<html>", "", "{}", `{"number":`]) {
      await expect(host({ body }).askJson(BUY, shape)).rejects.toBeInstanceOf(CarrierUncertain);
      await expect(host({ body }).askJson(READ, shape)).rejects.toBeInstanceOf(CarrierUnavailable);
    }
  });

  it("in a proxy's words still means what its status says", async () => {
    const error = said(
      await host({ status: 404, body: "<h1>nowhere</h1>" })
        .ask(BUY)
        .catch((reason: unknown) => reason),
    );
    expect(error).toBeInstanceOf(CarrierRefusal);
    expect(error).toMatchObject({ code: "404", message: expect.stringContaining("<h1>nowhere</h1>") });
  });

  it("means what the carrier's code says where that is more than the status", async () => {
    const throttled = createCarrierHost({
      client: client([no(400)]),
      name: "Acme",
      readError,
      meanings: { E1: "unavailable" },
      patience: { E1: 60 },
      now: () => NOW,
    });
    const error = said(await throttled.ask(BUY).catch((reason: unknown) => reason));
    expect(error).toBeInstanceOf(CarrierUnavailable);
    expect(error.retryAfterSeconds).toBe(60);
  });

  it("that there is no such thing is nothing to a search, and a refusal to the rest", async () => {
    const absent = (reply: Reply) =>
      createCarrierHost({ client: client([reply]), name: "Acme", readError, absent: ["E1"], now: () => NOW });
    for (const reply of [no(400), no(404)]) {
      expect(await absent(reply).find(READ)).toBeUndefined();
      await expect(absent(reply).ask(READ)).rejects.toBeInstanceOf(CarrierRefusal);
    }
    await expect(host(no(400)).find(READ)).rejects.toBeInstanceOf(CarrierRefusal);
    expect((await host({ body: "found" }).find(READ))?.body.toString()).toBe("found");
  });

  it("may hide a no inside a 200", async () => {
    const hiding = createCarrierHost({
      client: client([{ body: `{"code":"E9","message":"Closed"}` }]),
      name: "Acme",
      readError,
      readHiddenError: readError,
      now: () => NOW,
    });
    await expect(hiding.ask(BUY)).rejects.toMatchObject({ name: "CarrierRefusal", code: "E9" });
  });
});

describe("a token", () => {
  function withToken(replies: Reply[]) {
    const sent: OutsideRequest[] = [];
    let fetched = 0;
    let time = NOW;
    const now = () => time;
    const token = createToken(async () => ({ value: `secret-${++fetched}`, expiresInSeconds: 3600 }), now);
    const asking = createCarrierHost({ client: client(replies, sent), name: "Acme", readError, token, now });
    return {
      ask: () => asking.ask(READ),
      used: () => sent.map(({ headers }) => headers?.["authorization"]),
      later: (seconds: number) => {
        time = new Date(time.getTime() + seconds * 1000);
      },
    };
  }

  it("is fetched once for all who ask, and used until shortly before its end", async () => {
    const { ask, used, later } = withToken([{}]);
    await Promise.all([ask(), ask(), ask()]);
    later(3500);
    await ask();
    later(60);
    await ask();
    expect(used()).toEqual([1, 1, 1, 1, 2].map((nth) => `Bearer secret-${nth}`));
  });

  it("is renewed once when the host refuses it, also when many were refused at once", async () => {
    const { ask, used } = withToken([no(401), no(401), no(401), {}]);
    await Promise.all([ask(), ask(), ask()]);
    expect(used()).toEqual([1, 1, 1, 2, 2, 2].map((nth) => `Bearer secret-${nth}`));
  });

  it("that is refused again is a refusal, which doesn't show it", async () => {
    const { ask, used } = withToken([no(401)]);
    const error = said(await ask().catch((reason: unknown) => reason));
    expect(error).toBeInstanceOf(CarrierRefusal);
    expect(JSON.stringify([error.message, error.stack, error.cause])).not.toContain("secret");
    expect(used()).toHaveLength(2);
  });

  it("is fetched again after a fetch that failed", async () => {
    let fetched = 0;
    const token = createToken(
      async () => {
        fetched += 1;
        if (fetched === 1) throw new CarrierUnavailable("away");
        return { value: "good", expiresInSeconds: 60 };
      },
      () => NOW,
    );
    await expect(token.get()).rejects.toThrow("away");
    expect(await token.get()).toBe("good");
  });
});
