import { setTimeout as delay } from "node:timers/promises";
import type { Command } from "commander";
import { issueToken } from "../../rpc/auth.ts";
import type { Day } from "./day.ts";
import { feed, planFeed } from "./feed.ts";
import { generateDay } from "./generator.ts";
import { Latencies } from "./latencies.ts";
import { readDay } from "./orders-file.ts";
import { OutcomeWatch, wrongEnds } from "./outcome.ts";
import { Progress } from "./progress.ts";
import { Random } from "./random.ts";
import { printFigures, printVerdict } from "./report.ts";
import { RpcClient } from "./rpc-client.ts";
import { type Floor, packAllDay, pickAllDay, type Tally } from "./scanners.ts";
import { ServiceProcess } from "./service-process.ts";
import { buildWarehouses, fillShelves, place, type Warehouses } from "./stock.ts";
import { printInvitation } from "./try-it.ts";

interface DemoOptions {
  orders?: string;
  cancellations?: string;
  serve?: boolean;
  seed: string;
  count: string;
  pickers: string;
  packers: string;
}

/** Nothing moved for this long: something is stuck. */
const STALLED_MS = 60_000;
/** Everybody stands idle: time for the supplier to come. */
const REPLENISH_MS = 1_500;

export function registerDemo(program: Command): void {
  program
    .command("demo")
    .description(
      "a day in the warehouse, from the order stream to the customer's door, on a service of its own",
    )
    .option("--orders <file>", "replay these orders (JSON Lines) instead of a generated day")
    .option(
      "--cancellations <file>",
      "with these cancellations; default: the like-named file beside the orders",
    )
    .option("--serve", "leave the service running afterwards, and say what to try")
    .option(
      "--seed <number>",
      "of the generated day and of what goes wrong in it",
      String(Date.now() % 1_000_000),
    )
    .option("--count <number>", "orders of the generated day", "100")
    .option("--pickers <number>", "scanners that pick", "8")
    .option("--packers <number>", "benches that pack", "6")
    .action(async (options: DemoOptions) => {
      process.exitCode = await runDemo(options);
    });
}

async function runDemo(options: DemoOptions): Promise<number> {
  const random = new Random(Number(options.seed));
  const day = options.orders
    ? await readDay(options.orders, options.cancellations)
    : generateDay(random, Number(options.count));
  console.log(`seed ${options.seed}: ${day.orders.length} orders, ${day.cancellations.length} cancellations`);
  for (const complaint of day.complaints.slice(0, 20)) console.log(`passed over: ${complaint}`);
  if (day.orders.length === 0) return 1;
  const service = await ServiceProcess.start();
  const interrupted = stopOnSignal(service);
  try {
    const ok = await workDay(service, day, random, options);
    if (options.serve) {
      await printInvitation(service);
      await interrupted;
    }
    return ok ? 0 : 1;
  } finally {
    await service.stop();
  }
}

/** Ctrl-C ends the demo and takes its service along. */
function stopOnSignal(service: ServiceProcess): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const)
      process.once(signal, () => {
        resolve();
        void service.stop().then(() => process.exit(130));
      });
  });
}

async function workDay(
  service: ServiceProcess,
  day: Day,
  random: Random,
  options: DemoOptions,
): Promise<boolean> {
  const latencies = new Latencies();
  const client = await clientFactory(service, latencies);
  const operator = await client("operator");
  const warehouses = await buildWarehouses(operator, day, random);
  await fillShelves(operator, warehouses, random);
  const plan = planFeed(day, warehouses, random);
  const started = performance.now();
  const watch = new OutcomeWatch(operator, day);
  const tally: Tally = {
    picks: 0,
    shortPicks: 0,
    pickedTasks: 0,
    packedTasks: 0,
    shippedTasks: 0,
    refusals: new Map(),
  };
  const progress = new Progress(() => ({ orders: day.orders.length, settled: watch.settled, ...tally }));
  let over = false;
  const floor: Floor = { warehouses: warehouses.ids, random, tally, over: () => over };
  const crew = await hire(client, floor, Number(options.pickers), Number(options.packers));
  const feeding = feed(service, plan.entries, (sent) => progress.sent(sent));
  const waited = await superviseDay(watch, operator, warehouses, feeding, progress);
  over = true;
  progress.stop();
  await Promise.all(crew);
  const seconds = (performance.now() - started) / 1000;
  const orders = await watch.all();
  printFigures({
    orders,
    tally,
    everWaited: waited,
    duplicates: plan.duplicates,
    restarts: service.restarts,
    seconds,
    latencies,
  });
  const wrong = wrongEnds(day, plan, orders);
  for (const one of wrong.slice(0, 20)) console.log(`  WRONG  order ${one}`);
  const lawful = await printVerdict(operator);
  console.log(
    wrong.length === 0 && lawful ? "\nEvery order is where it must be, and no law is broken." : "\nFAILED",
  );
  return wrong.length === 0 && lawful;
}

type ClientFactory = (role: "operator" | "worker", workerId?: bigint) => Promise<RpcClient>;

async function clientFactory(service: ServiceProcess, latencies: Latencies): Promise<ClientFactory> {
  return async (role, workerId) => {
    const subject = workerId === undefined ? role : `worker-${workerId}`;
    const token = await issueToken(service.secret, {
      subject,
      role,
      expires: "1d",
      ...(workerId === undefined ? {} : { workerId }),
    });
    return new RpcClient(`127.0.0.1:${service.info.grpcPort}`, token, latencies);
  };
}

/** Everybody comes with a device and a name of his own. */
async function hire(
  client: ClientFactory,
  floor: Floor,
  pickers: number,
  packers: number,
): Promise<Promise<void>[]> {
  const crew: Promise<void>[] = [];
  for (let id = 1; id <= pickers + packers; id++) {
    const device = await client("worker", BigInt(id));
    crew.push(id <= pickers ? pickAllDay(device, BigInt(id), floor) : packAllDay(device, BigInt(id), floor));
  }
  return crew;
}

/**
 * Watches until every order is settled; when only missing stock holds some up, has it delivered. Says how many orders
 * have waited for stock.
 */
async function superviseDay(
  watch: OutcomeWatch,
  operator: RpcClient,
  { listings }: Warehouses,
  feeding: Promise<void>,
  progress: Progress,
): Promise<number> {
  const byId = new Map([...listings.values()].map((listing) => [listing.listing_id, listing]));
  const waited = new Set<bigint>();
  await feeding;
  for (;;) {
    const started = performance.now();
    const { open, shortages, over } = await watch.look();
    for (const order of open)
      if (order.items.some((item) => item.shortageQuantity > 0)) waited.add(order.orderId);
    if (over || progress.idleMs() > STALLED_MS) return waited.size;
    if (progress.idleMs() > REPLENISH_MS)
      for (const [id, missing] of shortages) {
        const listing = byId.get(id);
        if (listing) await place(operator, listing, missing);
      }
    // A look at a large day takes its time: it must not be what the service is busy with.
    await delay(Math.max(500, 5 * (performance.now() - started)));
  }
}
