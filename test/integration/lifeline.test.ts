import { pino } from "pino";
import { expect, it } from "vitest";
import { Lifeline } from "../../src/jobs/lifeline.ts";
import { testDatabase } from "../support/database.ts";
import { startProxy } from "../support/proxy.ts";

it("ends within seconds when its line is dead and nobody has noticed", async () => {
  const database = await testDatabase();
  const { db, url } = database;
  const proxy = await startProxy(url);
  const lifeline = new Lifeline({ connectionString: proxy.url, db, logger: pino({ level: "silent" }) });
  await lifeline.start();
  proxy.blackHole();
  const begun = performance.now();
  await lifeline.stop();
  expect(performance.now() - begun).toBeLessThan(3_000);
  await proxy.close();
  await database.close();
});
