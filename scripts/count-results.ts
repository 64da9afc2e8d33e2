/** Adds up the report of scripts/check.ts and that of vitest. A report that is not there is one thing that failed. */
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

const [checkPath = "", testsPath = ""] = process.argv.slice(2);
const checks = await readCounts<Counts>(checkPath, (report) => report);
const tests = await readCounts<VitestReport>(testsPath, countTests);
const failed = checks.failed + tests.failed;
console.log(`${checks.passed + tests.passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
