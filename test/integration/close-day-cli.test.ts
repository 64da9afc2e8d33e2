import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createAcsCarrier } from "../../src/carriers/acs/acs.ts";
import { acsSettingsSchema } from "../../src/carriers/acs/settings.ts";
import { ACS_ACCOUNT, type AcsHost, startAcsHost } from "../support/carrier-hosts/acs-host.ts";
import { carrierTools } from "../support/carrier-hosts/carrier-tools.ts";
import { greekRequest } from "../support/carrier-hosts/places.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";

const PROGRAM = fileURLToPath(new URL("../../src/cli/bin.js", import.meta.url));
const FRIDAY = "2026-01-16";

let base: TestDatabase;
let host: AcsHost;

beforeAll(async () => {
  [base, host] = await Promise.all([testDatabase(), startAcsHost()]);
});
afterAll(async () => {
  expect(host.violations).toEqual([]);
  await Promise.all([base.close(), host.close()]);
});

function closeDay(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const CARRIERS = JSON.stringify({ acs: { ...ACS_ACCOUNT, baseUrl: host.api } });
  const env = { PATH: process.env["PATH"], DATABASE_URL: base.url, CARRIERS };
  return new Promise((resolve) => {
    const command = [PROGRAM, "carriers", "close-day", ...args];
    execFile(process.execPath, command, { env, timeout: 50_000 }, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code ?? -1) : 0, stdout, stderr });
    });
  });
}

it("closes a carrier's day, keeps its list, and says what stands in the way", async () => {
  const settings = acsSettingsSchema.parse({ ...ACS_ACCOUNT, baseUrl: host.api });
  const acs = createAcsCarrier(
    settings,
    carrierTools(() => new Date(`${FRIDAY}T10:00:00Z`)),
  );
  await acs.createLabel(greekRequest());
  host.faults.plan({ kind: "cut", when: "after" });
  await expect(acs.createLabel(greekRequest())).rejects.toThrow();
  const lost = host.vouchers.all().at(-1)?.number;

  expect(await closeDay("acs", "--day", FRIDAY)).toEqual({
    code: 1,
    stdout: "",
    stderr: `warehouse: ACS does not close ${FRIDAY}: vouchers ${lost} were never printed; print them, or delete them in ACS's own tool\n`,
  });
  const path = join(mkdtempSync(join(tmpdir(), "warehouse-list-")), "list.pdf");
  const { stdout } = await closeDay("acs", "--day", FRIDAY, "--print", "--list", path);
  expect(stdout).toMatch(
    new RegExp(`^${FRIDAY}: closed with list \\d{10}; with ${lost}, printed only now\\n$`),
  );
  expect(readFileSync(path, "latin1")).toMatch(/^%PDF-/);
  expect(host.vouchers.all().map(({ details }) => details.closed)).toEqual([true, true]);
  expect(await closeDay("acs", "--day", FRIDAY)).toMatchObject({
    code: 0,
    stdout: `${FRIDAY}: there is nothing that is not on a list\n`,
  });
});

it.each([
  [["mock"], 'there is no day to close at "mock"'],
  [["bex"], 'there is no day to close at "bex", which is not configured'],
  [["acs", "--day", "16.1."], '--day must be a date such as 2026-01-15, not "16.1."'],
])("refuses %j in one line", async (args, line) => {
  expect(await closeDay(...args)).toEqual({ code: 1, stdout: "", stderr: `warehouse: ${line}\n` });
});
