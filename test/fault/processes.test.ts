import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { until } from "../support/until.ts";
import { Cluster } from "./harness/cluster.ts";
import { duplicates } from "./harness/evidence.ts";
import { faultRow } from "./harness/fault-row.ts";
import type { ServiceMachine } from "./harness/service-machine.ts";

const CLAIM_IDLE_MS = 30_000;
const LEASE_MS = 10_000;

describe("processes of the service that end or freeze", () => {
  let cluster: Cluster;
  const here = () => cluster;
  const relays = () => [cluster.services[0], cluster.services[2]] as [ServiceMachine, ServiceMachine];
  beforeAll(async () => {
    cluster = await Cluster.start();
  });
  afterAll(() => cluster?.discard());

  /** Plants the failpoint in all of these; done when one has died of it, and its successor serves. */
  const dieAt = async (services: readonly ServiceMachine[], failpoint: string) => {
    const deaths = services.map(async (service) => {
      const before = service.restarts;
      service.plan(failpoint);
      await service.replace();
      await until(`${service.name} dies at ${failpoint}`, async () => service.restarts >= before + 2, 60_000);
      await service.ready();
    });
    await Promise.any(deaths);
  };

  faultRow(1, "servers killed in the middle of their transactions", here, async ({ load, random }) => {
    for (const service of cluster.services) {
      service.plan(`transaction.${random.pick(["written", "committed"])}:${20 + random.below(60)}:kill`);
      await service.replace();
    }
    await load.reached(0.6);
    const [service] = cluster.services;
    const started = performance.now();
    await service?.replace();
    expect(performance.now() - started).toBeLessThan(15_000); // 5 s on a machine with nothing else to do
  });

  faultRow(2, "a relay killed after Redis has the events, before they are marked", here, async () => {
    const before = (await duplicates(cluster)).length;
    await dieAt(relays(), "relay.published:3:kill");
    await until("it is published again", async () => (await duplicates(cluster)).length > before, 30_000);
  });

  faultRow(3, "a relay killed before it publishes what it has read", here, () =>
    dieAt(relays(), "relay.read:3:kill"),
  );

  faultRow(4, "consumers killed after the commit, before the acknowledgement", here, () =>
    dieAt(cluster.services, "consumer.taken:1:kill"),
  );

  faultRow(5, "consumers killed before the commit", here, ({ random }) =>
    dieAt(cluster.services, `transaction.written:${2 + random.below(20)}:kill`),
  );

  faultRow(6, "a consumer frozen for longer than its entries are left to it", here, async ({ load }) => {
    const frozen = cluster.services[1] as ServiceMachine;
    await load.reached(0.1);
    frozen.signal("SIGSTOP");
    await delay(CLAIM_IDLE_MS + 5_000);
    frozen.signal("SIGCONT");
  });

  faultRow(7, "the leading relay frozen in mid-batch for longer than its lease", here, async () => {
    const [one, other] = relays();
    for (const relay of [one, other]) relay.plan("relay.read:3:stop");
    await Promise.all([one.replace(), other.replace()]);
    const frozen = await until(
      "a leader freezes",
      async () => [one, other].find((relay) => relay.frozen),
      60_000,
    );
    await delay(LEASE_MS + 2_000);
    frozen.signal("SIGCONT");
    await (frozen === one ? other : one).replace(); // it is not to freeze, too, when nobody expects it any more
  });
});
