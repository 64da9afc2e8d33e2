import { describe, expect, it } from "vitest";
import {
  type Carrier,
  CarrierRefusal,
  CarrierUnavailable,
  CarrierUncertain,
} from "../../../src/carriers/carrier.ts";
import { createPostExpressCarrier } from "../../../src/carriers/post-express/post-express.ts";
import { postExpressSettingsSchema } from "../../../src/carriers/post-express/settings.ts";
import { bought, carrierTools, testAddress, testBox } from "../../support/carrier-hosts/carrier-tools.ts";
import { follow, statusAfter } from "../../support/carrier-hosts/follow.ts";
import type { HostAnswer } from "../../support/carrier-hosts/http-messages.ts";
import { leaks } from "../../support/carrier-hosts/leaks.ts";
import { serbianRequest } from "../../support/carrier-hosts/places.ts";
import {
  complain,
  give,
  POST_EXPRESS_ACCOUNT,
  startPostExpressHost,
} from "../../support/carrier-hosts/post-express-host.ts";
import { testedHost } from "../../support/carrier-hosts/tested-host.ts";

const host = await testedHost(startPostExpressHost);

const STATUSES = { PR: "in_transit", OT: "in_transit", UR: "delivered" };

function connect(settings: Record<string, unknown> = {}, tools = carrierTools()): Carrier {
  const parsed = postExpressSettingsSchema.parse({
    baseUrl: host.api,
    ...POST_EXPRESS_ACCOUNT,
    brand: "PROBA",
    warehouse: "MAGACIN1",
    ...settings,
  });
  return createPostExpressCarrier(parsed, tools);
}

const buy = (carrier = connect(), parts: Parameters<typeof serbianRequest>[0] = {}) =>
  bought(carrier, serbianRequest(parts));

function answerNext(answer: HostAnswer): void {
  host.faults.plan({ kind: "answer", when: "before", answer });
}

function manifest(parts: object): HostAnswer {
  return give({ Rezultat: 0, Porudzbine: [{ Posiljke: [] }], ...parts });
}

describe("a PostExpress label", () => {
  it("is drawn by us, under the number that Pošta gave", async () => {
    const { labels, request } = await buy(undefined, { packages: [testBox(1), testBox(2)] });
    const given = host.parcels.under(request.reference).map((parcel) => parcel.number);
    expect(labels.map((label) => label.tracking_number)).toEqual(given);
    expect(given[1]).toMatch(/^PJ\d{9}RS$/);
    expect(labels[0]).toMatchObject({ format: "zpl", content: { carrier_name: "PostExpress" } });
    expect(Buffer.from(labels[1]?.data ?? []).toString()).toContain(given[1]);
  });

  it("is announced in grams, street and number apart, under the same transaction when tried again", async () => {
    const carrier = connect();
    const { request } = await buy(carrier);
    const asked = JSON.parse(host.seen.at(-1)?.request.text ?? "") as { StrIn: string };
    expect(JSON.parse(asked.StrIn)).toMatchObject({
      ExtIdManifest: request.reference,
      Porudzbine: [
        {
          Posiljke: [
            {
              ExtReferenca: `${request.reference}-1`,
              Masa: 1200,
              PosebneUsluge: "PNA",
              Primalac: { Adresa: { Ulica: "Булевар краља Александра", Broj: "73а", PostBroj: "11000" } },
            },
          ],
        },
      ],
    });
    await carrier.createLabel(request);
    const [first, again] = host.transactions(73).slice(-2);
    expect(again).toBe(first);
  });

  it("is refused from outside the transaction", async () => {
    await expect(buy(connect({ password: "nije-ta" }))).rejects.toMatchObject({
      name: "CarrierRefusal",
      code: "3",
      message: expect.stringContaining("Pogrešno korisničko ime ili lozinka."),
    });
  });

  it("is refused from inside a transaction that went well", async () => {
    const to = testAddress({ ...serbianRequest().to, postal_code: "99999" });
    await expect(buy(undefined, { to })).rejects.toMatchObject({
      name: "CarrierRefusal",
      message:
        "PostExpress refused the manifest: Manifest nije ispravan; PostBroj: Nepostojeći poštanski broj",
    });
    answerNext(manifest({ Greske: ["Elementi B2B partnera nisu nađeni"] }));
    await expect(buy()).rejects.toMatchObject({
      name: "CarrierRefusal",
      message: expect.stringContaining("Elementi B2B partnera nisu nađeni"),
    });
    answerNext(
      manifest({ Porudzbine: [{ Posiljke: [{ Rbr: 1, Rezultat: 2, Poruka: "Masa je prevelika" }] }] }),
    );
    await expect(buy()).rejects.toThrow(/Masa je prevelika/);
    answerNext(manifest({ Rezultat: 2, Greske: [{ Rbr: 1, PorukaGreske: "Masa je prevelika" }] }));
    await expect(buy()).rejects.toThrow(/Masa je prevelika/);
    answerNext(manifest({}));
    await expect(buy()).rejects.toThrow(/gave no PrijemniBroj/);
  });

  it.each([
    ["its database breaks down", complain(3, "ODP greška: ORA-03113: end-of-file on communication channel")],
    ["it asks for later", complain(3, "Došlo je do tehničke greške. Probajte kasnije.")],
    [
      "the inside looks well, the outside doesn't",
      { body: { Rezultat: 3, StrOut: '{"PrijemniBroj":"PJ1"}' } },
    ],
    [
      "it complains beside a number",
      manifest({
        Porudzbine: [{ Posiljke: [{ Rbr: 1, PrijemniBroj: "PJ700000000RS" }] }],
        GreskeValidacije: [{ Polje: "ImaPrijemniBrojDN", Poruka: "Neodgovarajuća vrednost" }],
      }),
    ],
    ["its output is no JSON", { body: { Rezultat: 0, StrOut: "{" } }],
    ["it is a page", { body: "<html></html>" }],
    ["it is an error of the server", { status: 500, body: "Server Error" }],
  ])("may have been bought when %s", async (_, answer) => {
    answerNext(answer);
    await expect(buy()).rejects.toBeInstanceOf(CarrierUncertain);
  });

  it("may have been bought when the answer is lost, so that it is not bought again blindly", async () => {
    for (const when of ["before", "after"] as const) {
      host.faults.plan({ kind: "cut", when });
      await expect(buy()).rejects.toBeInstanceOf(CarrierUncertain);
    }
    expect(connect().capabilities.repeat).toBe("never");
    expect(connect()).not.toHaveProperty("findByReference");
  });

  it("was surely not bought when Pošta is throttled or out of reach", async () => {
    host.faults.plan({ kind: "status", when: "before", status: 429 });
    await expect(buy()).rejects.toBeInstanceOf(CarrierUnavailable);
    await expect(buy(connect({ baseUrl: "http://127.0.0.1:1" }))).rejects.toBeInstanceOf(CarrierUnavailable);
  });

  it("is not asked for beyond Serbia, or without an address", async () => {
    const before = host.seen.length;
    const abroad = testAddress({ ...serbianRequest().to, country: "ME" });
    await expect(buy(undefined, { to: abroad })).rejects.toThrow(/in Serbia \(RS\), not in "ME"/);
    const nowhere = testAddress({ ...serbianRequest().to, postal_code: "" });
    await expect(buy(undefined, { to: nowhere })).rejects.toBeInstanceOf(CarrierRefusal);
    expect(host.seen).toHaveLength(before);
  });

  it("is put on record without secrets or people", async () => {
    const tools = carrierTools();
    const { request } = await buy(connect({}, tools));
    const secrets = [POST_EXPRESS_ACCOUNT.password, POST_EXPRESS_ACCOUNT.username];
    expect(leaks(tools, { secrets, request })).toEqual([]);
  });
});

describe("a PostExpress parcel", () => {
  it("is followed to the door once Pošta's table of codes is known", async () => {
    const carrier = connect({ statuses: STATUSES });
    const { number } = await buy(carrier);
    expect(await follow(carrier, number)).toEqual([]);
    const statuses = [];
    for (let scan = 0; scan < 3; scan++) {
      host.parcels.advance(number, 1);
      statuses.push(statusAfter(await follow(carrier, number)));
    }
    expect(statuses).toEqual(["in_transit", "in_transit", "delivered"]);
    expect((await follow(carrier, number))[0]).toEqual({
      carrier_code: "post_express",
      tracking_number: number,
      status: "delivered",
      raw_code: "UR",
      description: "Uručeno",
      location: "BEOGRAD 35",
      occurred_at: new Date("2026-01-16T11:00:00Z"),
    });
    expect(new Set(host.transactions(63)).size).toBe(host.transactions(63).length);
  });

  it("is not followed without it", () => {
    expect(connect()).not.toHaveProperty("track");
    expect(connect().capabilities.tracking).toBe("none");
  });

  it("on its way back is returned when it is handed over", async () => {
    const movement = { Status: "Уручено", Mesto: "НОВИ САД", Datum: "2026-01-18 10:30", Retur: "D" };
    answerNext(
      give({
        Kretanja: [
          { ...movement, StatusSifra: "UR" },
          { ...movement, StatusSifra: "XX" },
        ],
      }),
    );
    const facts = await follow(connect({ statuses: STATUSES }), "PJ700000000RS");
    expect(facts).toMatchObject([
      { status: "returned", occurred_at: new Date("2026-01-18T09:30:00Z") },
      { status: "unknown", unmapped: true, raw_code: "XX" },
    ]);
  });

  it.each([
    ["2026-07-01T10:30:00", "2026-07-01T08:30:00Z"], // in summer
    ["2026-03-29 02:30", "2026-03-29T00:30:00Z"], // no clock showed it
    ["2026-10-25 02:30", "2026-10-25T00:30:00Z"], // it was shown twice
    ["15.1.2026. 10:30:05", "2026-01-15T09:30:05Z"],
    ["15.01.2026", "2026-01-14T23:00:00Z"],
  ])("that moved at %s by Belgrade's clock", async (DatumKretanja, at) => {
    answerNext({
      body: { Rezultat: "0", StrOut: { Kretanja: { StatusSifra: "OT", DatumKretanja, Retur: "D" } } },
    });
    expect(await follow(connect({ statuses: STATUSES }), "PJ700000000RS")).toMatchObject([
      { status: "return_to_sender", occurred_at: new Date(at) },
    ]);
  });

  it("can't be asked for while Pošta's database is down, or without the right to", async () => {
    const carrier = connect({ statuses: STATUSES });
    answerNext(complain(3, "ODP greška: ORA-03135: connection lost contact"));
    await expect(follow(carrier, "PJ700000000RS")).rejects.toBeInstanceOf(CarrierUnavailable);
    answerNext(complain(3, "Nemate prava za izvršenje izabrane transakcije."));
    await expect(follow(carrier, "PJ700000000RS")).rejects.toBeInstanceOf(CarrierRefusal);
  });
});
