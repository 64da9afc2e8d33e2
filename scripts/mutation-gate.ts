/**
 * Takes one protection away at a time, in a copy of the project, and shows that a test of that name turns red. A
 * protection whose loss no test notices fails the gate: `npm run test:mutations`, or with names of mutations.
 */
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { MUTATIONS, type Mutation } from "./mutations.ts";
import { runCommand } from "./run-command.ts";

const PROJECT = fileURLToPath(new URL("..", import.meta.url));
const NOT_COPIED = /^(node_modules|\.git|\.data|coverage)(\/|$)/;

interface Outcome {
  ran: number;
  /** Also false when the process was spoilt beside the tests, as by an error that nobody caught. */
  green: boolean;
}

async function copyProject(): Promise<string> {
  const copy = await mkdtemp(join(tmpdir(), "warehouse-mutations-"));
  await cp(PROJECT, copy, { recursive: true, filter: (path) => !NOT_COPIED.test(relative(PROJECT, path)) });
  await symlink(join(PROJECT, "node_modules"), join(copy, "node_modules"));
  return copy;
}

async function runTest(copy: string, { project, file, test }: Mutation): Promise<Outcome> {
  const report = join(copy, "report.json");
  await rm(report, { force: true });
  const vitest = ["vitest", "run", "--root", copy, "--project", project, file, "-t", test];
  const { code } = await runCommand([...vitest, "--reporter=json", `--outputFile=${report}`]);
  const counts = JSON.parse(await readFile(report, "utf8")) as Record<string, number>;
  return { ran: (counts["numPassedTests"] ?? 0) + (counts["numFailedTests"] ?? 0), green: code === 0 };
}

/** The protection must stand in the file exactly once: else the mutation is out of date, and proves nothing. */
async function mutate(copy: string, { name, source, find, replace }: Mutation): Promise<() => Promise<void>> {
  const path = join(copy, source);
  const whole = await readFile(path, "utf8");
  if (whole.split(find).length !== 2) throw new Error(`${name}: ${source} does not hold the protection once`);
  await writeFile(
    path,
    whole.replace(find, () => replace),
  );
  return () => writeFile(path, whole);
}

async function tryOut(copy: string, mutation: Mutation): Promise<string> {
  const before = await runTest(copy, mutation);
  if (before.ran === 0 || !before.green) return "the test is not green to begin with";
  const undo = await mutate(copy, mutation);
  const after = await runTest(copy, mutation);
  await undo();
  return after.ran > 0 && !after.green ? "red" : "SURVIVED";
}

const wanted = process.argv.slice(2);
const chosen = MUTATIONS.filter(
  ({ name }) => wanted.length === 0 || wanted.some((one) => name.includes(one)),
);
const copy = await copyProject();
let bad = 0;
try {
  for (const mutation of chosen) {
    const verdict = await tryOut(copy, mutation);
    if (verdict !== "red") bad += 1;
    console.log(`${verdict.padEnd(9)} without ${mutation.name}: ${mutation.file} › ${mutation.test}`);
  }
} finally {
  await rm(copy, { recursive: true, force: true });
}
console.log(
  bad === 0 ? `All ${chosen.length} protections are needed.` : `${bad} of ${chosen.length} fail the gate.`,
);
process.exitCode = bad === 0 ? 0 : 1;
