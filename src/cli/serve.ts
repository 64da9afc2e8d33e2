import { constants } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import type { Command } from "commander";
import { type Config, readConfig } from "../config.ts";
import { createLogger, type Logger } from "../logger.ts";
import { type Service, startService } from "../main.ts";
import { writeRunFile } from "../run-file.ts";
import { MAX_STOP_MS } from "../start/opened.ts";

/** One Ctrl-C can arrive several times: from the terminal, from npm, from the Node that handed over to this one. */
const SAME_SIGNAL_MS = 1_000;
/** How long a start that nobody wants any more may go on, so that it can be taken back in order. */
const MAX_START_AFTER_SIGNAL_MS = 5_000;

export function registerServe(program: Command): void {
  program
    .command("serve")
    .description(
      "run the service; without DATABASE_URL and REDIS_URL, with a private PostgreSQL and Redis in .data/",
    )
    .option("--ready-file <path>", "write ports and addresses there as JSON when the service is ready")
    .action(serve);
}

async function serve({ readyFile }: { readyFile?: string }): Promise<void> {
  const config = readConfig();
  const logger = createLogger(config.LOG_LEVEL);
  const asked = waitForSignal();
  const service = await startUnlessAsked(config, logger, asked);
  await announce(service, config, logger, readyFile);
  const signal = await asked;
  logger.info({ signal }, "going down");
  await leave(service, signal, config);
  setTimeout(() => process.exit(1), MAX_STOP_MS).unref();
  await service.stop();
  logger.info("stopped");
  process.exit(0); // whatever a library still keeps open must not keep the process
}

/** Ends the process when it is asked to go before it is ready. */
async function startUnlessAsked(
  config: Config,
  logger: Logger,
  asked: Promise<NodeJS.Signals>,
): Promise<Service> {
  const unwanted = new AbortController();
  const giveUp = asked.then(() => {
    unwanted.abort();
    return delay(MAX_START_AFTER_SIGNAL_MS);
  });
  try {
    const service = await Promise.race([startService(config, logger, unwanted.signal), giveUp]);
    if (service) return service;
    logger.warn("stopped in the middle of the start");
    process.exit(codeOf(await asked));
  } catch (error) {
    if (!unwanted.signal.aborted) throw error;
    logger.info("stopped before the start was done");
    process.exit(0);
  }
}

async function announce({ info }: Service, config: Config, logger: Logger, readyFile: string | undefined) {
  if (readyFile) await writeRunFile(readyFile, info);
  const grpc = info.grpcPort === null ? "off" : `${config.HOST}:${info.grpcPort}`;
  const scheme = config.tls ? "https" : "http";
  const http = info.httpPort === null ? "off" : `${scheme}://${config.HOST}:${info.httpPort}`;
  const line = `warehouse is ready: gRPC ${grpc}, HTTP ${http}`;
  if (process.stdout.isTTY) console.log(line);
  else logger.info({ roles: config.ROLES }, line);
}

/** A platform that ends us needs a while to send its callers elsewhere. A human at a terminal does not. */
async function leave(service: Service, signal: NodeJS.Signals, config: Config): Promise<void> {
  service.leave();
  if (signal === "SIGTERM") await delay(config.DRAIN_SECONDS * 1000);
}

/** The first signal asks for an orderly end; the second does not wait for it. */
function waitForSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let askedAt: number | undefined;
    const onSignal = (signal: NodeJS.Signals) => {
      askedAt ??= Date.now();
      if (Date.now() - askedAt > SAME_SIGNAL_MS) process.exit(codeOf(signal));
      resolve(signal);
    };
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, onSignal);
  });
}

/** As a shell reports a process that the signal itself has ended: cut short, but as asked. */
function codeOf(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}
