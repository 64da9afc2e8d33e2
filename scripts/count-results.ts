/** Adds up the report of scripts/check.ts and those of vitest. A report that is not there is one thing that failed. */
import { readFile } from "node:fs/promises";

type Counts = { passed: number; failed: number };
type VitestReport = { success: boolean; numPassedTests: number; numFailedTests: number };

async function readCounts<T>(path: string, count: (report: T) => Counts): Promise<Counts> {
  const text = await readFile(path, "utf8").catch(() => undefined);
  return text === undefined ? { passed: 0, failed: 1 } : count(JSON.parse(text) as T);
}

function countTests(report: VitestReport): Counts {
  const { success, numPassedTests: passed, numFailedTests: failed } = report;
  // A file that does not even load, or a failing set-up, fails the run without failing a test.
  return { passed, failed: failed === 0 && (!success || passed === 0) ? 1 : failed };
}

const [checkPath = "", ...testPaths] = process.argv.slice(2);
const reports = [
  readCounts<Counts>(checkPath, (report) => report),
  ...testPaths.map((path) => readCounts<VitestReport>(path, countTests)),
];
const total = { passed: 0, failed: 0 };
for (const { passed, failed } of await Promise.all(reports)) {
  total.passed += passed;
  total.failed += failed;
}
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed === 0 ? 0 : 1;
