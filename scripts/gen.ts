/**
 * Writes everything that is generated and committed: the stubs, then whatever the generators beside this file write.
 * With `--check` nothing is written, and a difference fails: the stubs are made in a temporary directory and
 * compared, and each generator is passed `--check` on, to exit with 1 when its files are not up to date.
 */
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { runCommand } from "./run-command.ts";

const generators = ["scripts/gen-db-types.ts", "scripts/gen-docs.ts"];

async function must(command: readonly string[]): Promise<void> {
  const { code, output } = await runCommand(command);
  if (output) console.log(output.trimEnd());
  if (code !== 0) throw new Error(`${command.join(" ")} failed`);
}

async function readTree(root: string): Promise<Map<string, string>> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const contents = await Promise.all(files.map((file) => readFile(file, "utf8")));
  return new Map(files.map((file, index) => [file.slice(root.length + 1), contents[index] ?? ""]));
}

async function checkStubs(): Promise<void> {
  const fresh = await mkdtemp(join(tmpdir(), "wms-gen-"));
  try {
    await must(["buf", "generate", "--output", fresh]);
    const wanted = await readTree(join(fresh, "gen"));
    const present = existsSync("gen") ? await readTree("gen") : new Map<string, string>();
    const names = new Set([...wanted.keys(), ...present.keys()]);
    const stale = [...names].filter((name) => wanted.get(name) !== present.get(name));
    if (stale.length > 0)
      throw new Error(`gen/ is not what proto/ says; run "npm run gen":\n${stale.join("\n")}`);
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

const { values } = parseArgs({ options: { check: { type: "boolean", default: false } } });
try {
  if (values.check) await checkStubs();
  else await must(["buf", "generate", "--clean"]);
  for (const script of generators.filter((file) => existsSync(file))) {
    await must(["node", script, ...(values.check ? ["--check"] : [])]);
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
