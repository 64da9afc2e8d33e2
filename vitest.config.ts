import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

const shared = { pool: "forks", testTimeout: 60_000, hookTimeout: 120_000 } as const;

/** These take minutes: they begin first, so that none of them is what all wait for at the end. */
const LONGEST = ["fault/processes", "fault/postgres", "fault/redis", "label-saga", "integration/drain"];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const nth = LONGEST.findIndex((name) => moduleId.includes(name));
      return nth < 0 ? LONGEST.length : nth;
    };
    return (await super.sort(files)).toSorted((a, b) => rank(a) - rank(b));
  }
}

// Without a file named, `npm test` runs the first two: what a change must not break.
export default defineConfig({
  test: {
    // Each file has a database of its own; on a small machine three at a time, which mostly wait for what they broke.
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    projects: [
      { test: { ...shared, name: "pure", include: ["test/{unit,property}/**/*.test.ts"] } },
      {
        test: {
          ...shared,
          name: "services",
          include: ["test/{integration,contract}/**/*.test.ts"],
          globalSetup: "test/support/global-setup.ts",
        },
      },
      {
        test: {
          ...shared,
          name: "fault",
          include: ["test/fault/**/*.test.ts"],
          globalSetup: "test/support/global-setup.ts",
        },
      },
    ],
  },
});
