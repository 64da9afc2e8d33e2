import { describe, expect, it } from "vitest";
import { readCarrierSettings } from "../../src/carriers/known-carriers.ts";
import { createCarriers } from "../../src/carriers/registry.ts";
import { createOutside, type OutsideCall } from "../../src/outside/outside-client.ts";
import { startOutsideHost } from "../support/outside-host.ts";

const ACS = {
  apiKey: "acs-api-key-1234",
  companyId: "company-77",
  companyPassword: "company-pass",
  userId: "user-88",
  userPassword: "user-pass-99",
  billingCode: "2AB123456",
};

function refusal(given: Record<string, unknown>): string {
  try {
    readCarrierSettings(given);
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error("the settings were accepted");
}

function carriersOf(given: Record<string, unknown>) {
  const calls: OutsideCall[] = [];
  const record = async (call: OutsideCall) => void calls.push(call);
  const carriers = createCarriers(readCarrierSettings(given), {
    outside: createOutside({ record }),
    record,
    renderLabel: () => Buffer.from("^XA^XZ"),
    takeNumber: async () => undefined,
    now: () => new Date(),
    mockSpeed: 1,
  });
  return { carriers, calls };
}

describe("carriers' settings", () => {
  it("make the carriers that they name, beside the simulated one", () => {
    expect([...carriersOf({}).carriers.keys()]).toEqual(["mock"]);
    expect([...carriersOf({ acs: ACS }).carriers.keys()]).toEqual(["mock", "acs"]);
  });

  it("that are wrong are refused with one line, which names the setting and repeats no value", () => {
    expect(refusal({ pigeon: {} })).toMatch(/^there is no carrier "pigeon"; known are acs, bex, /);
    expect(refusal({ mock: {} })).toMatch(/^there is no carrier "mock"/);
    const { apiKey: _, ...keyless } = ACS;
    expect(refusal({ acs: keyless })).toMatch(/^acs\.apiKey: /);
    expect(refusal({ acs: { ...ACS, chargeType: "secret-charge" } })).toMatch(/^acs\.chargeType: /);
    expect(refusal({ acs: { ...ACS, apiKy: 1 } })).toContain("apiKy");
    expect(refusal({ acs: "acs-api-key-1234" })).toMatch(/^acs: /);
    for (const wrong of [{ ...ACS, chargeType: "secret-charge" }, { ...ACS, apiKy: "acs-api-key-1234" }, 7])
      for (const value of ["secret-charge", ...Object.values(ACS)])
        expect(refusal({ acs: wrong })).not.toContain(value);
  });

  it("never get into the record, even when a host repeats them", async () => {
    const host = await startOutsideHost(({ body }, response) =>
      response.writeHead(403).end(`go away: ${body}`),
    );
    try {
      const { carriers, calls } = carriersOf({ acs: { ...ACS, baseUrl: host.url } });
      await expect(
        carriers.get("acs")?.track?.([{ tracking_number: "7401234567", shipped_at: new Date() }]),
      ).rejects.toThrow();
      expect(calls.length).toBeGreaterThan(0);
      expect(host.seen.map(({ body, headers }) => body + JSON.stringify(headers)).join()).toContain(
        ACS.companyPassword,
      );
      const { billingCode: _, ...secrets } = ACS;
      for (const secret of Object.values(secrets)) expect(JSON.stringify(calls)).not.toContain(secret);
    } finally {
      await host.close();
    }
  });
});

describe("the simulated carrier", () => {
  it("puts on record what it sells and takes back, without the customer", async () => {
    const { carriers, calls } = carriersOf({});
    const mock = carriers.get("mock");
    const to = { contact_name: "Ann Example", street: "2 Test Street", city: "Nis", country: "RS" } as never;
    await mock?.createLabel({
      reference: "wms-1-abcdef00",
      service: "",
      order_number: "N-1",
      from: to,
      to,
      packages: [{ sequence_number: 1, weight: 1, length: 1, width: 1, height: 1 }],
      goods: [],
    });
    await mock?.voidLabel?.({ reference: "wms-1-abcdef00", tracking_numbers: ["X"] });
    expect(calls).toMatchObject([
      { service: "mock", endpoint: "create_label", status_code: null, is_success: true },
      { service: "mock", endpoint: "void_label" },
    ]);
    expect(JSON.stringify(calls)).toContain("wms-1-abcdef00");
    expect(JSON.stringify(calls)).not.toMatch(/Ann Example|Test Street/);
  });
});
