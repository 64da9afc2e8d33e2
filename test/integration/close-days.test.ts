import { sql } from "kysely";
import { pino } from "pino";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createAcsCarrier } from "../../src/carriers/acs/acs.ts";
import { acsSettingsSchema } from "../../src/carriers/acs/settings.ts";
import type { Carrier } from "../../src/carriers/carrier.ts";
import { clockIn } from "../../src/db/clock.ts";
import { createDayCloser } from "../../src/jobs/close-days.ts";
import { listAlerts } from "../../src/use-cases/maintenance/alerts.ts";
import { ACS_ACCOUNT, type AcsHost, startAcsHost } from "../support/carrier-hosts/acs-host.ts";
import { carrierTools } from "../support/carrier-hosts/carrier-tools.ts";
import { greekRequest } from "../support/carrier-hosts/places.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";

let base: TestDatabase;
let host: AcsHost;

beforeEach(async () => {
  [base, host] = await Promise.all([testDatabase(), startAcsHost()]);
});
afterEach(async () => {
  expect(host.violations).toEqual([]);
  await Promise.all([base.close(), host.close()]);
});

/** The round of a process that closes ACS's day at this time. */
function closer(closeDayAt: string): { acs: Carrier; round: () => Promise<void> } {
  const settings = acsSettingsSchema.parse({ baseUrl: host.api, ...ACS_ACCOUNT, closeDayAt });
  const acs = createAcsCarrier(settings, carrierTools());
  const quiet: Carrier = { ...acs, code: "quiet", capabilities: { ...acs.capabilities } };
  delete (quiet.capabilities as { closesDayAt?: unknown }).closesDayAt;
  const carriers = new Map([acs, quiet].map((carrier) => [carrier.code, carrier]));
  return { acs, round: createDayCloser({ db: base.db, carriers, logger: pino({ level: "silent" }) }) };
}

const onList = () => host.vouchers.all().map(({ details }) => details.closed);

it("closes a carrier's day when its time has come by its own clock, again and again", async () => {
  const { acs, round } = closer("00:00");
  // A Sunday's vouchers are for the next day: their list is Monday's.
  const { date } = await clockIn(base.db, "Europe/Athens");
  await acs.createLabel(greekRequest());
  for (const { details } of host.vouchers.all()) details.pickup = date;
  await round();
  expect(onList()).toEqual([true]);
  await acs.createLabel(greekRequest());
  for (const { details } of host.vouchers.all()) details.pickup = date;
  await round();
  expect(onList()).toEqual([true, true]);
  expect(host.ran("ACS_Issue_Pickup_List")).toBe(2); // and nobody asked the other carrier to
});

it("leaves the day open before that", async () => {
  const { time } = await clockIn(base.db, "Europe/Athens");
  await closer("23:59").round();
  expect(host.ran("ACS_Issue_Pickup_List")).toBe(time < "23:59" ? 0 : 1);
});

it("tells of a day that stays open, and prints what was never printed in the round after that", async () => {
  const { acs, round } = closer("00:00");
  const { date } = await clockIn(base.db, "Europe/Athens");
  host.faults.plan({ kind: "cut", when: "after" });
  await expect(acs.createLabel(greekRequest())).rejects.toThrow();
  const [lost] = host.vouchers.all();
  if (lost) lost.details.pickup = date;
  const alerts = async () =>
    (await listAlerts({ db: base.db })).map(({ name, labels, summary }) => [name, labels, summary]);
  await round();
  expect(await alerts()).toEqual([
    [
      "carrier_day_open",
      { key: "acs", carrier_code: "acs" },
      expect.stringMatching(
        `^the day of acs could not be closed \\(ACS does not close ${date}: vouchers ${lost?.number} `,
      ),
    ],
  ]);
  expect(onList()).toEqual([false]);
  await round();
  expect(onList()).toEqual([true]);
  expect(await alerts()).toEqual([]);
});

it("shows what clocks show in a zone", async () => {
  const { rows } = await sql<{ now: Date }>`select clock_timestamp() as now`.execute(base.db);
  const { date, time } = await clockIn(base.db, "Asia/Seoul");
  const shown = new Date(`${date}T${time}:00+09:00`).getTime();
  expect(Math.abs(shown - (rows[0]?.now.getTime() ?? 0))).toBeLessThan(120_000);
});
