import type { Command } from "commander";
import { readConfig } from "../config.ts";
import { createLogger } from "../logger.ts";
import { startService } from "../main.ts";
import { writeRunFile } from "../run-file.ts";

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
  const service = await startService(config, logger);
  if (readyFile) await writeRunFile(readyFile, service.info);
  const { grpcPort, httpPort } = service.info;
  console.log(
    `warehouse is ready: gRPC ${config.HOST}:${grpcPort ?? "-"}, HTTP http://${config.HOST}:${httpPort ?? "-"}`,
  );
  logger.info({ signal: await asked }, "going down");
  await service.stop();
  logger.info("stopped");
  process.exit(0); // whatever a library still keeps open must not keep the process
}

/** The first signal asks for an orderly end; the second does not wait for it. */
function waitForSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let asked = false;
    const onSignal = (signal: NodeJS.Signals) => {
      if (asked) process.exit(1);
      asked = true;
      resolve(signal);
    };
    process.on("SIGINT", onSignal);
    process.on("SIGTERM", onSignal);
  });
}
