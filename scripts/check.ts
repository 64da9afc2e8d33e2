/**
 * What CI runs besides the tests: every step is a command, and a step fails when its command does.
 * All of them run, so that one look shows everything; `--report FILE` leaves the results as JSON.
 */
import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { runCommand } from "./run-command.ts";

const steps: readonly { name: string; command: readonly string[] }[] = [
  { name: "types", command: ["tsc", "--noEmit"] },
  { name: "format and function length", command: ["biome", "check", "--error-on-warnings", "."] },
  { name: "lint and import rules", command: ["oxlint", "--deny-warnings", "."] },
  { name: "dead code", command: ["knip"] },
  { name: "proto style", command: ["buf", "lint"] },
  { name: "proto compatibility", command: ["node", "scripts/check-breaking.ts"] },
  { name: "generated files", command: ["node", "scripts/gen.ts", "--check"] },
];

const { values } = parseArgs({ options: { report: { type: "string" } } });
const failed: string[] = [];
for (const { name, command } of steps) {
  const { code, output } = await runCommand(command);
  console.log(`${code === 0 ? "ok  " : "FAIL"}  ${name}`);
  if (code !== 0) failed.push(name);
  // A step that passes may still have something to say, for example why it had nothing to do.
  const notable = code === 0 ? output.split("\n").filter((line) => line.startsWith("skipped:")) : [output];
  if (notable.length > 0) console.log(notable.join("\n").trimEnd().replaceAll(/^/gm, "      "));
}
if (values.report) {
  await writeFile(values.report, JSON.stringify({ passed: steps.length - failed.length, failed }));
}
console.log(failed.length === 0 ? "All checks hold." : `Failing checks: ${failed.join(", ")}.`);
process.exitCode = failed.length === 0 ? 0 : 1;
