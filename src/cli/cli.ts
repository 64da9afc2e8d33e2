import { Command } from "commander";
import { ConfigError } from "../config.ts";
import { DependencyError } from "../dependencies.ts";
import { registerAlerts } from "./alerts.ts";
import { registerBench } from "./bench/bench.ts";
import { registerCarriers } from "./carriers.ts";
import { registerChannels } from "./channels.ts";
import { registerDeadLetters } from "./dead-letters.ts";
import { registerDemo } from "./demo/demo.ts";
import { registerJobs } from "./jobs.ts";
import { registerLabels } from "./labels.ts";
import { registerMigrate } from "./migrate.ts";
import { registerSeed } from "./seed.ts";
import { registerServe } from "./serve.ts";
import { registerToken } from "./token.ts";
import { registerVerify } from "./verify.ts";

const program = new Command("warehouse")
  .description("Takes confirmed orders and brings the parcels to the customers' doors.")
  .showHelpAfterError();

for (const register of [
  registerDemo,
  registerSeed,
  registerBench,
  registerServe,
  registerMigrate,
  registerToken,
  registerVerify,
  registerAlerts,
  registerDeadLetters,
  registerLabels,
  registerCarriers,
  registerChannels,
  registerJobs,
])
  register(program);

// Handed over to by an older Node (bin.js): when that one is killed, the channel closes, and nobody wants us any more.
process.once("disconnect", () => process.kill(process.pid, "SIGTERM"));
process.channel?.unref();

try {
  await program.parseAsync();
} catch (error) {
  console.error(explain(error));
  process.exitCode = 1;
}

/** What an operator can mend is one line; anything else is ours, and shows where. */
function explain(error: unknown): unknown {
  if (error instanceof ConfigError || error instanceof DependencyError) return `warehouse: ${error.message}`;
  const { code } = error as { code?: string };
  if (code === "42P01") return "warehouse: the database has no schema yet: run `warehouse migrate`";
  if (code === "ECONNREFUSED") return "warehouse: the database can't be reached";
  return error;
}
