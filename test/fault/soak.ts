/**
 * A warehouse at work for as long as one likes, while everything that can go wrong does, at random and at once:
 * `npm run test:soak -- --minutes 30 --seed 7`. Round after round: a load, mishaps, healing, then the six invariants.
 * Whoever likes may kill the processes from outside, too: they are listed, and started again.
 */
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Random } from "../../src/cli/demo/random.ts";
import { Cluster } from "./harness/cluster.ts";
import { violations } from "./harness/invariants.ts";
import { Load, USUAL_LOAD } from "./harness/load.ts";
import { MISHAPS } from "./harness/mishaps.ts";

const options = {
  minutes: { type: "string", default: "30" },
  seed: { type: "string", default: String(Date.now() % 1_000_000) },
  orders: { type: "string", default: "150" },
} as const;

async function soak(minutes: number, seed: number, orders: number): Promise<number> {
  console.log(`soak: ${minutes} minutes, seed ${seed}, ${orders} orders a round`);
  const random = new Random(seed);
  const cluster = await Cluster.start();
  const end = Date.now() + minutes * 60_000;
  const stopWatching = watch(cluster);
  let broken = 0;
  try {
    for (let round = 1; Date.now() < end; round++) broken += await oneRound(cluster, round, random, orders);
    console.log(`${broken} violations, ${cluster.crashes.length} crashes (seed ${seed})`);
    for (const crash of cluster.crashes) console.log(`  ${crash}`);
    return broken + cluster.crashes.length;
  } catch (error) {
    console.error(cluster.logs());
    throw error;
  } finally {
    await stopWatching();
    await cluster.discard();
  }
}

/** A load with mishaps until its orders are all sent; then nothing more happens, and all must come to its end. */
async function oneRound(cluster: Cluster, round: number, random: Random, orders: number): Promise<number> {
  const seed = random.below(1_000_000);
  const load = await Load.start(cluster, { ...USUAL_LOAD, seed, orders, perSecond: 5 });
  const lived: string[] = [];
  while (load.feeder.sent < load.feeder.size) {
    const name = random.pick(Object.keys(MISHAPS));
    lived.push(name);
    console.log(`  ${name}`);
    await cluster.steadily(() => (MISHAPS[name] as (typeof MISHAPS)[string])(cluster, random));
    await delay(random.below(3_000));
  }
  await cluster.heal();
  const ms = await load.finish({ resend: true });
  const ordered = !lived.includes("a stream is trimmed");
  const found = await cluster.steadily(() => violations(cluster, load, { ordered }));
  load.close();
  const answers = load.witness.answers;
  console.log(
    `round ${round}: ${lived.length} mishaps, ${answers} answers, settled after ${Math.round(ms)} ms, ${found.length} violations`,
  );
  for (const one of found) console.log(`  VIOLATION (seed ${seed}) ${one}`);
  return found.length;
}

/** Whatever was killed from outside comes back, as on any platform; services see to that themselves. */
function watch(cluster: Cluster): () => Promise<void> {
  let over = false;
  const { postgres, redis, services } = cluster;
  const pids = services.map(({ name, pid }) => `${name} ${pid}`);
  console.log(`processes: postgres ${postgres.pid}, redis ${redis.pid}, ${pids.join(", ")}`);
  const watching = (async () => {
    while (!over) {
      await delay(6_000); // longer than any mishap keeps them down
      for (const machine of [postgres, redis]) if (!over && !machine.alive) await machine.revive();
    }
  })();
  return async () => {
    over = true;
    await watching;
  };
}

const { values } = parseArgs({ options });
const broken = await soak(Number(values.minutes), Number(values.seed), Number(values.orders));
process.exitCode = broken === 0 ? 0 : 1;
