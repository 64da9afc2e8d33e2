/**
 * Writes docs/lifecycles.md: the state diagrams of the machines' data.
 * With `--check` nothing is written, and a difference fails.
 */
import { readFile, writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { MACHINES } from "../src/domain/machines.ts";
import { toMermaid } from "../src/domain/state-machine.ts";

const PAGE = new URL("../docs/lifecycles.md", import.meta.url);

/** The page as the machines say. */
export function lifecyclesPage(): string {
  const diagrams = MACHINES.map(
    ({ machine, table, column }) =>
      `## ${machine.name.replaceAll("_", " ")} (\`${table}.${column}\`)\n\n\`\`\`mermaid\n${toMermaid(machine)}\n\`\`\`\n`,
  );
  const heading =
    "# The lifecycles\n\nDrawn from `src/domain/machines.ts`; the database refuses every other step.\n";
  return [heading, ...diagrams].join("\n");
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { check: { type: "boolean", default: false } } });
  const page = lifecyclesPage();
  if (!values.check) await writeFile(PAGE, page);
  else if ((await readFile(PAGE, "utf8").catch(() => "")) !== page) {
    console.error('docs/lifecycles.md is not what the machines say; run "npm run gen"');
    process.exitCode = 1;
  }
}
