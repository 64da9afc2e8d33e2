import { setTimeout as delay } from "node:timers/promises";
import { issueToken } from "../../rpc/issue-token.ts";
import type { Day } from "./day.ts";
import { feed, planFeed } from "./feed.ts";
import { emptyTally, type Floor, type Worker } from "./floor.ts";
import { Follower } from "./follower.ts";
import { Latencies } from "./latencies.ts";
import { findOpen, listOrders, wrongEnds } from "./outcome.ts";
import { packAllDay } from "./packers.ts";
import { pickAllDay } from "./pickers.ts";
import { Progress } from "./progress.ts";
import { Random } from "./random.ts";
import { printFigures, printVerdict } from "./report.ts";
import { RpcClient } from "./rpc-client.ts";
import type { ServiceProcess } from "./service-process.ts";
import { fillShelves, replenish } from "./stock.ts";
import { buildWarehouses, type Warehouses } from "./warehouses.ts";

/** Nothing moved for this long: something is stuck. */
const STALLED_MS = 60_000;
/** Everybody stands idle: time for the supplier to come. */
const REPLENISH_MS = 1_500;
/** A look that takes longer met a service that was away. */
const LONG_LOOK_MS = 5_000;
const SHOWN = 20;

export interface Crew {
  seed: number;
  pickers: number;
  packers: number;
}

/** Works a day off. True: every order is where it must be, and no law is broken. */
export async function workDay(
  service: ServiceProcess,
  day: Day,
  random: Random,
  crew: Crew,
): Promise<boolean> {
  const latencies = new Latencies();
  const newClient = clientFactory(service, latencies);
  const operator = await newClient("operator");
  const warehouses = await buildWarehouses(operator, day, random);
  await fillShelves(operator, warehouses, random);
  const plan = planFeed(day, warehouses, random);
  const tally = emptyTally();
  const started = performance.now();
  const follower = new Follower(service);
  const progress = new Progress(day.orders.length, () => ({
    ...tally,
    received: follower.received,
    delivered: follower.count("delivered"),
    cancelled: follower.count("cancelled"),
  }));
  let over = false;
  const floor: Floor = { warehouses: warehouses.ids, packers: crew.packers, tally, over: () => over };
  const following = follower.follow();
  const working = hire(newClient, floor, crew);
  const feeding = feed(service, plan.entries, (sent) => progress.sent(sent));
  const settled = feeding.then(() => untilSettled(day, { operator, warehouses, follower, progress }));
  try {
    await Promise.race([settled, working.then(() => settled)]); // a worker who fails ends the day
  } finally {
    over = true;
    progress.stop();
    follower.stop();
  }
  await Promise.all([working, following]);
  const seconds = (performance.now() - started) / 1000;
  const orders = await listOrders(operator);
  const { everWaited } = follower;
  const { duplicates } = plan;
  printFigures({ orders, tally, everWaited, duplicates, restarts: service.restarts, seconds, latencies });
  const wrong = wrongEnds(day, plan, warehouses, orders);
  for (const one of wrong.slice(0, SHOWN)) console.log(`  WRONG  order ${one}`);
  if (wrong.length > SHOWN) console.log(`  and ${wrong.length - SHOWN} more`);
  return (await printVerdict(operator)) && wrong.length === 0;
}

type ClientFactory = (role: "operator" | "worker", workerId?: bigint) => Promise<RpcClient>;

function clientFactory(service: ServiceProcess, latencies: Latencies): ClientFactory {
  return async (role, workerId) => {
    const subject = workerId === undefined ? role : `worker-${workerId}`;
    const token = await issueToken(service.secret, { subject, role, workerId, expires: "1d" });
    return new RpcClient({ address: () => `127.0.0.1:${service.info.grpcPort}`, token, latencies });
  };
}

/** Everybody comes with a device and a name of his own, and stays until the day is over. */
async function hire(newClient: ClientFactory, floor: Floor, { seed, pickers, packers }: Crew): Promise<void> {
  const shift = Array.from({ length: pickers + packers }, async (_, nth) => {
    const worker: Worker = { id: BigInt(nth + 1), random: new Random(seed * 1_000 + nth) };
    const device = await newClient("worker", worker.id);
    await (nth < pickers ? pickAllDay(device, worker, floor) : packAllDay(device, worker, floor));
    device.close();
  });
  await Promise.all(shift);
}

interface Supervision {
  operator: RpcClient;
  warehouses: Warehouses;
  follower: Follower;
  progress: Progress;
}

/** Until nothing is left to do, or nothing moves any more. What only waits for stock gets it. */
async function untilSettled(
  day: Day,
  { operator, warehouses, follower, progress }: Supervision,
): Promise<void> {
  for (;;) {
    await delay(250);
    const finished = follower.count("delivered") + follower.count("cancelled");
    const resting = progress.restMs() > REPLENISH_MS;
    if (finished < day.orders.length && !resting) continue;
    const started = performance.now();
    const { open, shortages } = await findOpen(operator);
    const tookMs = performance.now() - started;
    // Orders that have not been taken from the stream yet are not open either; those taken since then may be.
    const isEmpty = async () => (await findOpen(operator)).open.length === 0;
    const areAllTaken = async () => (await listOrders(operator)).length >= day.orders.length;
    if (open.length === 0 && (await areAllTaken()) && (await isEmpty())) return;
    if (tookMs > LONG_LOOK_MS) progress.forgive();
    else if (progress.idleMs() > STALLED_MS) return;
    if (resting) await replenish(operator, warehouses, shortages);
    await delay(500 + 2 * tookMs); // looking must not be what the service is busy with
  }
}
