import { Command } from "commander";
import { ConfigError } from "../config.ts";
import { DependencyError } from "../dependencies.ts";
import { registerDeadLetters } from "./dead-letters.ts";
import { registerDemo } from "./demo/demo.ts";
import { registerMigrate } from "./migrate.ts";
import { registerServe } from "./serve.ts";
import { registerToken } from "./token.ts";
import { registerVerify } from "./verify.ts";

const program = new Command("warehouse")
  .description("Takes confirmed orders and brings the parcels to the customers' doors.")
  .showHelpAfterError();

for (const register of [
  registerDemo,
  registerServe,
  registerMigrate,
  registerToken,
  registerVerify,
  registerDeadLetters,
])
  register(program);

try {
  await program.parseAsync();
} catch (error) {
  // What an operator can mend is one line; anything else is ours, and shows where.
  const plain = error instanceof ConfigError || error instanceof DependencyError;
  console.error(plain ? `warehouse: ${error.message}` : error);
  process.exitCode = 1;
}
