/**
 * Adds up the report of scripts/check.ts and those of vitest, and names what failed. A report that is not there is one
 * thing that failed.
 */
import { readFile } from "node:fs/promises";

interface Results {
  passed: number;
  failed: string[];
}

interface VitestReport {
  success: boolean;
  numPassedTests: number;
  testResults: {
    name: string;
    message: string;
    assertionResults: { status: string; fullName: string; failureMessages: string[] }[];
  }[];
}

async function readResults<T>(path: string, read: (report: T) => Results): Promise<Results> {
  const text = await readFile(path, "utf8").catch(() => undefined);
  return text === undefined ? { passed: 0, failed: [`no report ${path}`] } : read(JSON.parse(text) as T);
}

function readTests({ success, numPassedTests: passed, testResults }: VitestReport): Results {
  const failed = testResults.flatMap(({ assertionResults }) =>
    assertionResults
      .filter(({ status }) => status === "failed")
      .map(
        ({ fullName, failureMessages }) => `${fullName}\n    ${failureMessages[0]?.split("\n", 1)[0] ?? ""}`,
      ),
  );
  if (failed.length > 0 || (success && passed > 0)) return { passed, failed };
  // A file that does not even load, or a failing set-up, fails the run without failing a test.
  const unloaded = testResults.filter(({ message }) => message !== "");
  return {
    passed,
    failed: [unloaded.map(({ name, message }) => `${name}: ${message}`).join("\n") || "no tests"],
  };
}

const [checkPath = "", ...testPaths] = process.argv.slice(2);
const results = await Promise.all([
  readResults<Results>(checkPath, (report) => report),
  ...testPaths.map((path) => readResults<VitestReport>(path, readTests)),
]);
const failed = results.flatMap((one) => one.failed);
for (const name of failed) console.log(`FAILED ${name}`);
console.log(`${results.reduce((sum, { passed }) => sum + passed, 0)} passed, ${failed.length} failed`);
process.exitCode = failed.length === 0 ? 0 : 1;
