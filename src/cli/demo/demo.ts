import { type Command, InvalidArgumentError } from "commander";
import type { Day } from "./day.ts";
import { generateDay } from "./generator.ts";
import { readDay } from "./orders-file.ts";
import { Random } from "./random.ts";
import { ServiceProcess } from "./service-process.ts";
import { printInvitation } from "./try-it.ts";
import { workDay } from "./work-day.ts";

interface DemoOptions {
  orders?: string;
  cancellations?: string;
  serve?: boolean;
  seed: number;
  count: number;
  pickers: number;
  packers: number;
  killAfter?: number;
}

const COMPLAINTS_SHOWN = 20;

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
      from(0),
      Math.floor(Math.random() * 1_000_000),
    )
    .option("--count <number>", "orders of the generated day", from(1), 100)
    .option("--pickers <number>", "scanners that pick", from(1), 8)
    .option("--packers <number>", "benches that pack", from(1), 6)
    .option(
      "--kill-after <seconds>",
      "end the service once with kill -9, to see that nothing is lost",
      from(0),
    )
    .action(async (options: DemoOptions) => {
      process.exitCode = await runDemo(options);
    });
}

function from(lowest: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= lowest) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${lowest}.`);
  };
}

async function runDemo(options: DemoOptions): Promise<number> {
  const random = new Random(options.seed);
  const day = await dayOf(options, random);
  if (!day) return 1;
  console.log(`seed ${options.seed}: ${day.orders.length} orders, ${day.cancellations.length} cancellations`);
  const interrupted = untilSignal();
  const service = await ServiceProcess.start();
  try {
    console.log(`the service runs as process ${service.info.pid}, its data is in ${service.dataDir}`);
    const killer = killLater(service, options.killAfter);
    const working = workDay(service, day, random, options);
    const ok = await Promise.race([working, service.lost, interrupted]);
    clearTimeout(killer);
    if (ok === undefined) return 130;
    console.log(ok ? "\nEvery order is where it must be, and no law is broken." : "\nFAILED");
    if (options.serve) {
      await printInvitation(service);
      await Promise.race([interrupted, service.lost]);
    }
    return ok ? 0 : 1;
  } finally {
    await service.stop();
  }
}

async function dayOf(options: DemoOptions, random: Random): Promise<Day | undefined> {
  if (!options.orders) return generateDay(random, options.count);
  const day = await readDay(options.orders, options.cancellations).catch((error: NodeJS.ErrnoException) => {
    console.error(
      `warehouse: ${error.path ?? options.orders} can't be read (${error.code ?? error.message})`,
    );
  });
  if (!day) return undefined;
  for (const complaint of day.complaints.slice(0, COMPLAINTS_SHOWN)) console.log(`passed over: ${complaint}`);
  const more = day.complaints.length - COMPLAINTS_SHOWN;
  if (more > 0) console.log(`passed over: ${more} more`);
  if (day.orders.length > 0) return day;
  console.error(`warehouse: ${options.orders} holds no order that can be used`);
  return undefined;
}

/** Ctrl-C comes several times: from the terminal, from npm. All of them mean one thing: go down in order. */
function untilSignal(): Promise<undefined> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
      process.on(signal, () => resolve(undefined));
  });
}

function killLater(service: ServiceProcess, seconds: number | undefined): NodeJS.Timeout | undefined {
  return seconds === undefined ? undefined : setTimeout(() => service.kill(), seconds * 1000);
}
