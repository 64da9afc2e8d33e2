import { pino } from "pino";
import { expect, it } from "vitest";
import { UnservedLog } from "../../src/rpc/unserved-log.ts";
import { until } from "../support/until.ts";

it("tells why calls are not served, now and then, and how many there were", async () => {
  const lines: { calls: number; method: string; err: { message: string } }[] = [];
  const log = new UnservedLog(pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) }), 100);
  const fail = () => log.note(new Error("no database"), "GetOrder");
  for (let call = 0; call < 50; call++) fail();
  expect(lines).toMatchObject([{ calls: 1, method: "GetOrder", err: { message: "no database" } }]);
  await until("it is told again", async () => (fail(), lines.length > 1));
  expect(lines[1]?.calls).toBeGreaterThan(50);
});
