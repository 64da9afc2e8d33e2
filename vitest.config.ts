import { defineConfig } from "vitest/config";

const shared = { pool: "forks", testTimeout: 60_000, hookTimeout: 120_000 } as const;

// Without a file named, `npm test` runs the first two: what a change must not break.
export default defineConfig({
  test: {
    // Each file has a database of its own; on a small machine three at a time, which mostly wait for what they broke.
    maxWorkers: 3,
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
