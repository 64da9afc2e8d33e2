import { describe, expect, it } from "vitest";
import { type CallToRedact, redactCall } from "../../src/outside/redact-call.ts";
import { ruleOf } from "../../src/outside/redaction-rules.ts";

const PLAIN: CallToRedact = {
  method: "POST",
  path: "/x",
  headers: {},
  body: undefined,
  answer: "",
  secrets: [],
};
const json = { "content-type": "application/json" };

function request(body: string, headers: Record<string, string> = json, path = "/x") {
  return redactCall({ ...PLAIN, path, headers, body }).request_payload;
}

function answered(type: string, body: string | Buffer) {
  return redactCall({ ...PLAIN, answer: { type, body: Buffer.from(body as string) } }).response_body;
}

describe("a call on record", () => {
  it("keeps what an operator needs of JSON, and nobody's name, street or number", () => {
    const body = JSON.stringify({
      accountNumber: { value: "740561073" },
      requestedShipment: {
        recipients: [
          {
            contact: { personName: "Ann Ex", phoneNumber: "4165550100", emailAddress: "ann@example.test" },
            address: { streetLines: ["2 Test St", "Flat 3"], city: "Austin", postalCode: "73301" },
          },
        ],
        serviceType: "FEDEX_GROUND",
        requestedPackageLineItems: [{ weight: { units: "KG", value: 1.2 } }],
      },
    });
    expect(request(body)["body"]).toEqual({
      accountNumber: { value: "740561073" },
      requestedShipment: {
        recipients: [
          {
            contact: { personName: "***", phoneNumber: "***", emailAddress: "***" },
            address: { streetLines: ["***", "***"], city: "Austin", postalCode: "73301" },
          },
        ],
        serviceType: "FEDEX_GROUND",
        requestedPackageLineItems: [{ weight: { units: "KG", value: 1.2 } }],
      },
    });
  });

  it("keeps the headers that are known to be harmless, and drops every other", () => {
    const headers = {
      ...json,
      Authorization: "Bearer abcdef",
      "X-Idempotency-Key": "k-1",
      "X-Odd": "odd-value",
    };
    expect(request("{}", headers)["headers"]).toEqual({ ...json, "X-Idempotency-Key": "k-1" });
  });

  it("opens JSON within JSON, as it was sent", () => {
    const strKlijent = JSON.stringify({ Username: "shop", Password: "open sesame", Jezik: "LAT" });
    const body = JSON.stringify({ StrKlijent: strKlijent, Servis: 3, StrOut: "open sesame was refused" });
    expect(request(body)["body"]).toEqual({
      StrKlijent: '{"Username":"***","Password":"***","Jezik":"LAT"}',
      Servis: 3,
      StrOut: "*** was refused",
    });
  });

  it("reads forms and queries", () => {
    const form = { "content-type": "application/x-www-form-urlencoded" };
    const payload = request(
      "grant_type=client_credentials&client_secret=s3cr3t%26more&mass=2",
      form,
      "/t?key=k9&page=2",
    );
    expect(payload["body"]).toEqual({ grant_type: "client_credentials", client_secret: "***", mass: "2" });
    expect(payload["path"]).toBe("/t?key=***&page=2");
  });

  it("reads XML, by elements and attributes", () => {
    const xml = `<shipment xmlns:c="u"><c:name>Ann &amp; Co</c:name><city>Ottawa</city><address-line-1>2 Test St</address-line-1><mailed-by-customer>0001</mailed-by-customer><link rel="label" href="https://h.test/1" token="abc123"/><note>for Ann &amp; Co</note></shipment>`;
    expect(answered("application/vnd.cpc.shipment-v8+xml", xml)).toBe(
      `<shipment xmlns:c="u"><c:name>***</c:name><city>Ottawa</city><address-line-1>***</address-line-1><mailed-by-customer>0001</mailed-by-customer><link rel="label" href="https://h.test/1" token="***"/><note>for ***</note></shipment>`,
    );
  });

  it("keeps the length of labels and pictures only, wherever they stand", () => {
    const label = Buffer.from(`^XA^FO40,40^FDAnn Ex^FS${"^FS".repeat(300)}^XZ`);
    const inside = { trackingNumber: "123", encodedLabel: label.toString("base64") };
    expect(answered("application/json", JSON.stringify(inside))).toBe(
      `{"trackingNumber":"123","encodedLabel":"[${inside.encodedLabel.length} bytes]"}`,
    );
    expect(answered("application/pdf", Buffer.from("%PDF-1.7 Ann Ex"))).toBe("[15 bytes]");
    expect(answered("text/plain", label)).toBe(`[${label.length} bytes]`);
  });

  it("reads the parts of a multipart body", () => {
    const body = [
      "--b",
      'Content-Disposition: form-data; name="labelMetadata"',
      "Content-Type: application/json",
      "",
      '{"trackingNumber":"9400","toName":"Ann Ex"}',
      "--b",
      'Content-Disposition: form-data; name="labelImage"',
      "",
      "XlhBXkZP".repeat(100),
      "--b--",
      "",
    ].join("\r\n");
    expect(JSON.parse(answered("multipart/form-data; boundary=b", body))).toEqual({
      labelMetadata: { trackingNumber: "9400", toName: "***" },
      labelImage: "[800 bytes]",
    });
  });

  it("blots out a person of the request also in the answer's words", () => {
    const body = JSON.stringify({ receiver: { fullName: "Ann Ex-Ample", city: "Nis" } });
    const answer = {
      type: "text/plain",
      body: Buffer.from("no Ann Ex-Ample lives in Nis; write to help@example.test"),
    };
    expect(redactCall({ ...PLAIN, headers: json, body, answer }).response_body).toBe(
      "no *** lives in Nis; write to ***",
    );
  });

  it("is cut where it gets long", () => {
    const long = answered("text/plain", "word ".repeat(10_000));
    expect(long.length).toBeLessThan(20_100);
    const body = JSON.stringify({ rows: Array.from({ length: 5_000 }, (_, row) => ({ row })) });
    expect(JSON.stringify(request(body)).length).toBeLessThan(30_000);
  });

  it("judges names whatever their case, dashes and prefix", () => {
    for (const name of ["Company_Password", "ns:api-key", "X_Access-Token", "clientSecret", "Username"])
      expect(ruleOf(name), name).toBe("secret");
    for (const name of [
      "contact-name",
      "Recipient_Phone",
      "RCVR_ADDR",
      "AddressLine2",
      "StreetAddress",
      "CName",
      "e-mail",
    ])
      expect(ruleOf(name), name).toBe("personal");
    for (const name of [
      "serviceName",
      "city",
      "trackingNumber",
      "Reference_Key1",
      "weight",
      "eventName",
      "statusCode",
    ])
      expect(ruleOf(name), name).toBeUndefined();
  });
});
