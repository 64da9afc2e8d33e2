import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { openSettings, readCredentialsKeys, sealSettings } from "../../src/carriers/credentials.ts";
import { readCarrierSettings } from "../../src/carriers/known-carriers.ts";
import { createCarriers } from "../../src/carriers/registry.ts";
import { type CallToRedact, redactCall } from "../../src/outside/redact-call.ts";

const SECRET_NAMES = [
  "password",
  "Company_Password",
  "User_Password",
  "client_secret",
  "apiKey",
  "x-api-key",
  "access_token",
  "AccessLicenseNumber",
  "Username",
  "paymentAuthorizationToken",
  "signature",
];
const PERSONAL_NAMES = [
  "personName",
  "contact_name",
  "Recipient_Name",
  "RCVR_NM",
  "phoneNumber",
  "RCVR_TELNO1",
  "emailAddress",
  "streetLines",
  "AddressLine",
  "street",
  "RAddress",
  "fullName",
  "receivedByName",
  "Telefon",
  "Ulica",
];
const PLAIN_NAMES = ["weight", "serviceCode", "data", "payload", "packages", "city", "reference", "note"];

/** Long and strange enough not to be one of our own words by chance. */
const secret = fc
  .oneof(
    fc.string({ minLength: 9, maxLength: 40, unit: "grapheme-ascii" }),
    fc.string({ minLength: 9, maxLength: 20, unit: "grapheme" }),
    fc.stringMatching(/^[A-Za-z0-9+/]{12,40}={0,2}$/),
    fc.stringMatching(/^\d{10,16}$/),
  )
  .filter(
    (text) =>
      text.trim() === text && text.isWellFormed() && !text.includes("***") && /[\p{L}\p{N}]{3}/u.test(text),
  );

/** A body of nested objects, lists and JSON within strings, in which each secret stands under a name that gives it away. */
const tree = fc.letrec<{ node: unknown; leaf: unknown }>((tie) => ({
  leaf: fc.oneof(fc.constant("x"), fc.integer({ min: 0, max: 99 }), fc.boolean(), fc.constant(null)),
  node: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    tie("leaf"),
    fc.array(tie("node"), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...PLAIN_NAMES), tie("node"), { maxKeys: 4 }),
  ),
})).node;

const hidden = fc.record({
  name: fc.constantFrom(...SECRET_NAMES, ...PERSONAL_NAMES),
  value: secret,
  wraps: fc.array(fc.constantFrom("object", "list", "text"), { maxLength: 4 }),
  around: tree,
});

type Hidden = typeof hidden extends fc.Arbitrary<infer T> ? T : never;

function wrapped({ name, value, wraps, around }: Hidden): unknown {
  let body: unknown = { [name]: value };
  for (const wrap of wraps) {
    if (wrap === "object") body = { data: body, around };
    if (wrap === "list") body = [around, body];
    if (wrap === "text") body = { payload: JSON.stringify(body) };
  }
  return body;
}

function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

type Format = "json" | "form" | "xml" | "attribute" | "cdata" | "multipart" | "untyped";

function written(one: Hidden, format: Format): { type: string; body: string } {
  const { name, value } = one;
  const element = name.replaceAll(/[^A-Za-z_]/g, "_");
  const json = JSON.stringify(wrapped(one));
  switch (format) {
    case "json":
      return { type: "application/json; charset=utf-8", body: json };
    case "untyped":
      return { type: "text/plain", body: json };
    case "form":
      return {
        type: "application/x-www-form-urlencoded",
        body: new URLSearchParams({ [name]: value, data: json }).toString(),
      };
    case "xml":
      return {
        type: "application/xml",
        body: `<?xml version="1.0"?><a:request xmlns:a="urn:x"><a:${element}>${escapeXml(value)}</a:${element}></a:request>`,
      };
    case "attribute":
      return {
        type: "text/xml",
        body: `<request ${element}="${escapeXml(value).replaceAll('"', "&quot;")}"><weight>1</weight></request>`,
      };
    case "cdata":
      return { type: "text/xml", body: `<r><data><![CDATA[${json.replaceAll("]]>", "")}]]></data></r>` };
    case "multipart":
      return {
        type: "multipart/form-data; boundary=frontier",
        body: `--frontier\r\ncontent-disposition: form-data; name="metadata"\r\ncontent-type: application/json\r\n\r\n${json}\r\n--frontier\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n--frontier--\r\n`,
      };
  }
}

const format = fc.constantFrom<Format>("json", "form", "xml", "attribute", "cdata", "multipart", "untyped");
const PLAIN: CallToRedact = {
  method: "POST",
  path: "/x",
  headers: {},
  body: undefined,
  answer: "",
  secrets: [],
};

/** Every text of the row, names included. */
function textsOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(textsOf);
  if (typeof value === "object" && value !== null)
    return Object.entries(value).flatMap(([name, one]) => [name, ...textsOf(one)]);
  return [String(value)];
}

function expectHidden(call: CallToRedact, value: string): void {
  const row = redactCall(call);
  const json = JSON.stringify(row);
  for (const text of [...textsOf(row), json])
    for (const form of [
      value,
      JSON.stringify(value).slice(1, -1),
      encodeURIComponent(value),
      escapeXml(value),
    ])
      expect(text.includes(form), `${form} in ${text}`).toBe(false);
}

describe("what is put on record of a call", () => {
  it("never holds a value that stands under a secret or personal name, in any format, on either side", () => {
    fc.assert(
      fc.property(hidden, format, (one, as) => {
        const { type, body } = written(one, as);
        expectHidden({ ...PLAIN, headers: { "Content-Type": type }, body }, one.value);
        expectHidden({ ...PLAIN, answer: { type, body: Buffer.from(body) } }, one.value);
      }),
      { numRuns: 1_500 },
    );
  });

  it("never holds what stands in a request header, or in the settings, even when the host says it again", () => {
    const header = fc.constantFrom("Authorization", "X-Api-Key", "cookie", "AccessKey", "X-Whatever");
    fc.assert(
      fc.property(header, secret, secret, format, hidden, (name, value, setting, as, one) => {
        const { type, body } = written(one, as);
        const said = [
          `unknown client ${value} / ${setting}`,
          JSON.stringify({ error: { note: [value, setting] } }),
          `<error><text>${escapeXml(value)} ${escapeXml(setting)}</text></error>`,
          `${body}${value}${setting}`,
        ];
        for (const words of said) {
          const call: CallToRedact = {
            ...PLAIN,
            path: `/track/${encodeURIComponent(setting)}?note=${encodeURIComponent(value)}`,
            headers: { [name]: name === "Authorization" ? `Bearer ${value}` : value, "content-type": type },
            body,
            answer: { type: "", body: Buffer.from(words) },
            secrets: [setting],
          };
          expectHidden(call, value);
          expectHidden(call, setting);
        }
      }),
      { numRuns: 400 },
    );
  });

  it("never holds what stands under a secret name in settings that were stored encrypted", async () => {
    const key = randomBytes(32).toString("base64");
    const whose = { carrier_code: "acs", account: "" };
    const names = ["apiKey", "companyId", "companyPassword", "userId", "userPassword"] as const;
    await fc.assert(
      fc.asyncProperty(fc.tuple(secret, secret, secret, secret, secret), async (values) => {
        const given = Object.fromEntries(names.map((name, index) => [name, values[index]]));
        const keys = readCredentialsKeys(key);
        const stored = openSettings(keys, sealSettings(keys, whose, { ...given, billingCode: "2AB123456" }));
        let secrets: readonly string[] = [];
        createCarriers(readCarrierSettings({ acs: stored }), {
          outside: (options) => {
            secrets = options.secrets ?? [];
            return { send: () => Promise.reject(new Error("nobody is called")) };
          },
          record: async () => {},
          renderLabel: () => Buffer.alloc(0),
          takeNumber: async () => undefined,
          now: () => new Date(),
          mockSpeed: 1,
        });
        const answer = { type: "text/plain", body: Buffer.from(`unknown: ${values.join(" | ")}`) };
        for (const value of values) expectHidden({ ...PLAIN, secrets, answer }, value);
      }),
      { numRuns: 100 },
    );
  });

  it("never holds a user and password that base64 hides in a header", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z]{8,20}$/), secret, (user, password) => {
        const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
        const answer = { type: "text/plain", body: Buffer.from(`no ${user} with ${password}`) };
        const call = { ...PLAIN, headers: { authorization }, answer };
        expectHidden(call, user);
        expectHidden(call, password);
      }),
      { numRuns: 300 },
    );
  });

  it("survives bodies that are nothing, whole or cut", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        fc.string(),
        hidden,
        format,
        fc.nat(),
        (bytes, type, one, as, at) => {
          redactCall({ ...PLAIN, body: bytes, answer: { type, body: bytes } });
          const { body } = written(one, as);
          redactCall({
            ...PLAIN,
            answer: { type: "", body: Buffer.from(body).subarray(0, at % body.length) },
          });
        },
      ),
      { numRuns: 500 },
    );
  });
});
