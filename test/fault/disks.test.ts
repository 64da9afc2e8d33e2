import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe } from "vitest";
import { until } from "../support/until.ts";
import { Cluster } from "./harness/cluster.ts";
import { faultRow } from "./harness/fault-row.ts";
import { Prober } from "./harness/prober.ts";

/** Disks of one's own need an administrator, on Linux. */
const mayMount = process.platform === "linux" && process.getuid?.() === 0;

describe.skipIf(!mayMount)("disks that are full", () => {
  let cluster: Cluster;
  const here = () => cluster;
  beforeAll(async () => {
    cluster = await Cluster.start({ disks: { postgres: "260m", redis: "12m" } });
  });
  afterAll(() => cluster?.discard());

  faultRow(20, "PostgreSQL's disk is full", here, async ({ load }) => {
    await load.reached(0.2);
    cluster.postgres.fillDisk();
    await delay(5_000);
    cluster.postgres.freeDisk();
    await cluster.postgres.revive();
    const prober = new Prober(cluster);
    await until("calls are served again", async () => (await prober.ask()).ok, 20_000);
    prober.close();
  });

  faultRow(29, "Redis' disk is full", here, async ({ load }) => {
    await load.reached(0.2);
    cluster.redis.fillDisk();
    await delay(5_000);
    cluster.redis.freeDisk();
    await load.reached(0.5);
  });
});
