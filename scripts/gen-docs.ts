/**
 * Draws the state diagrams of the README from the machines' data, between its markers.
 * With `--check` nothing is written, and a difference fails.
 */
import { readFile, writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { MACHINES } from "../src/domain/machines.ts";
import { toMermaid } from "../src/domain/state-machine.ts";

const README = new URL("../README.md", import.meta.url);
const MARKERS = /(<!-- state diagrams: begin -->\n)[\s\S]*?(<!-- state diagrams: end -->)/;

/** The README with its diagrams as the machines say. */
export function withDiagrams(readme: string): string {
  if (!MARKERS.test(readme)) throw new Error("README.md has lost the markers of its state diagrams");
  const diagrams = MACHINES.map(
    ({ machine, table, column }) =>
      `**${machine.name.replaceAll("_", " ")}** (\`${table}.${column}\`)\n\n\`\`\`mermaid\n${toMermaid(machine)}\n\`\`\`\n`,
  );
  return readme.replace(
    MARKERS,
    (_, begin: string, end: string) => `${begin}\n${diagrams.join("\n")}\n${end}`,
  );
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { check: { type: "boolean", default: false } } });
  const readme = await readFile(README, "utf8");
  const drawn = withDiagrams(readme);
  if (!values.check) await writeFile(README, drawn);
  else if (drawn !== readme) {
    console.error('the README\'s state diagrams are not what the machines say; run "npm run gen"');
    process.exitCode = 1;
  }
}
