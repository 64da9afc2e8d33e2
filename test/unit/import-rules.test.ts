import { execFile } from "node:child_process";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const project = fileURLToPath(new URL("../../", import.meta.url));

/** One violation for each thing that the table in the architecture forbids, as [file, import, ...]. */
const violations: readonly (readonly [file: string, statement: string])[] = [
  ["src/domain/a.ts", `import "../db/x.ts";`],
  ["src/domain/orders/a.ts", `import "../../use-cases/x.ts";`],
  ["src/domain/b.ts", `import type { T } from "../rpc/x.ts"; export type U = T;`],
  ["src/domain/c.ts", `import "node:crypto";`],
  ["src/domain/d.ts", `import { sql } from "kysely"; export const x = sql;`],
  ["src/domain/e.ts", `import "../../gen/wms/v1/x_pb.js";`],
  ["src/domain/f.ts", `import "../logger.ts";`],
  ["src/db/a.ts", `import "../use-cases/x.ts";`],
  ["src/db/b.ts", `import "ioredis";`],
  ["src/db/c.ts", `import "../../gen/wms/v1/x_pb.js";`],
  ["src/db/d.ts", `export * from "../rpc/x.ts";`],
  ["src/use-cases/orders/a.ts", `import "../../rpc/x.ts";`],
  ["src/use-cases/orders/b.ts", `import { mock } from "../../carriers/carrier.ts"; export const x = mock;`],
  ["src/use-cases/orders/c.ts", `import type { M } from "../../carriers/mock/m.ts"; export type N = M;`],
  ["src/use-cases/orders/d.ts", `import "@grpc/grpc-js";`],
  ["src/use-cases/orders/e.ts", `import "node:http";`],
  ["src/use-cases/orders/f.ts", `import "../../../gen/wms/v1/x_pb.js";`],
  ["src/carriers/mock/a.ts", `import "../../db/x.ts";`],
  ["src/carriers/a.ts", `import "../use-cases/x.ts";`],
  ["src/channels/a.ts", `import "../carriers/x.ts";`],
  ["src/channels/b.ts", `import "kysely";`],
  ["src/channels/c.ts", `import "fast-xml-parser";`],
  ["src/carriers/b.ts", `import "bwip-js/node";`],
  ["src/outside/a.ts", `import "../carriers/x.ts";`],
  ["src/outside/b.ts", `import "../../gen/wms/v1/x_pb.js";`],
  ["src/rpc/g.ts", `import "../outside/x.ts";`],
  ["src/failpoint.ts", `import "./db/x.ts";`],
  ["src/labels/a.ts", `import "../db/x.ts";`],
  ["src/labels/b.ts", `import "@bufbuild/protobuf";`],
  ["src/rpc/a.ts", `import "../carriers/x.ts";`],
  ["src/rpc/b.ts", `import "../jobs/x.ts";`],
  ["src/rpc/c.ts", `import "ioredis";`],
  ["src/rpc/d.ts", `export const load = () => import("../events/x.ts");`],
  ["src/events/a.ts", `import "../rpc/x.ts";`],
  ["src/events/b.ts", `import "graphile-worker";`],
  ["src/jobs/a.ts", `import "../events/x.ts";`],
  ["src/jobs/d.ts", `import "@platformatic/kafka";`],
  ["src/jobs/b.ts", `import "ioredis";`],
  ["src/telemetry/a.ts", `import "../use-cases/x.ts";`],
  ["src/embedded/a.ts", `import "../db/x.ts";`],
  ["src/rpc/e.ts", `import "../main.ts";`],
  ["src/rpc/f.ts", `import "../cli/x.ts";`],
  ["src/jobs/c.ts", `import { config } from "../config.ts"; export const x = config;`],
  ["src/rpc/h.ts", `import "../start/x.ts";`],
  ["src/main.ts", `import "./cli/x.ts";`],
  ["src/start/a.ts", `import "../cli/x.ts";`],
  ["src/config.ts", `import "./domain/x.ts";`],
];

const otherViolations = [
  ["src/db/cycle-a.ts", `import { b } from "./cycle-b.ts"; export const a = () => b;`, "import(no-cycle)"],
  ["src/db/cycle-b.ts", `import { a } from "./cycle-a.ts"; export const b = () => a;`, "import(no-cycle)"],
  ["src/rpc/env.ts", `export const port = process.env["GRPC_PORT"];`, "node(no-process-env)"],
  ["src/rpc/default.ts", `export default 1;`, "import(no-default-export)"],
  [
    "src/jobs/floating.ts",
    `async function run(): Promise<void> {}\nexport function go() { run(); }`,
    "typescript(no-floating-promises)",
  ],
  [
    "src/domain/switch.ts",
    `export function f(s: "a" | "b") { switch (s) { case "a": return 1; } return 2; }`,
    "typescript(switch-exhaustiveness-check)",
  ],
] as const;

const allowed: readonly (readonly [file: string, statement: string])[] = [
  ["src/domain/orders/ok.ts", `import "../stock/x.ts"; import "./y.ts";`],
  ["src/db/ok.ts", `import "../domain/x.ts"; import "kysely"; import "pg"; import "node:path";`],
  ["src/use-cases/orders/ok.ts", `import "../../db/x.ts"; import "../../domain/x.ts"; import "kysely";`],
  ["src/use-cases/orders/ok2.ts", `import type { C } from "../../carriers/carrier.ts"; export type D = C;`],
  ["src/carriers/mock/ok.ts", `import "../carrier.ts"; import "../../domain/x.ts"; import "node:http";`],
  ["src/carriers/fedex/ok.ts", `import "../../outside/x.ts"; import "zod";`],
  ["src/carriers/canada-post/ok.ts", `import "fast-xml-parser"; import "node:crypto";`],
  ["src/labels/ok.ts", `import "bwip-js/node"; import "fontkit"; import "../domain/x.ts";`],
  ["src/rpc/ok.ts", `import "../use-cases/x.ts"; import "../db/x.ts"; import "../../gen/wms/v1/x_pb.js";`],
  ["src/rpc/ok2.ts", `import "@grpc/grpc-js"; import "@bufbuild/protobuf/wkt"; import "../labels/x.ts";`],
  ["src/events/ok.ts", `import "ioredis"; import "../use-cases/x.ts"; import "../channels/x.ts";`],
  ["src/events/ok2.ts", `import "@platformatic/kafka";`],
  ["src/jobs/ok.ts", `import "graphile-worker"; import "../carriers/x.ts"; import "../logger.ts";`],
  ["src/rpc/ok3.ts", `import type { Config } from "../config.ts"; export type C = Config;`],
  ["src/cli/ok.ts", `import "../main.ts"; import "../db/x.ts"; import "commander"; import "../config.ts";`],
];

type Diagnostic = { code: string; filename: string };

let root: string;
let found: Map<string, string[]>;

function lint(): Promise<string> {
  const oxlint = join(project, "node_modules", ".bin", "oxlint");
  return new Promise((resolve, reject) => {
    // It exits with 1 because of the violations, which is what we want; without output it did not run.
    execFile(oxlint, ["--format=json", "src"], { cwd: root, maxBuffer: 1e7 }, (error, stdout) =>
      stdout ? resolve(stdout) : reject(error ?? new Error("oxlint said nothing")),
    );
  });
}

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "import-rules-"));
  for (const file of [".oxlintrc.json", "tsconfig.json"]) copyFileSync(join(project, file), join(root, file));
  // The type-aware rules are another program, which oxlint looks for here.
  symlinkSync(join(project, "node_modules"), join(root, "node_modules"), "junction");
  for (const [file, text] of [...violations, ...otherViolations, ...allowed]) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), `${text}\n`);
  }
  const { diagnostics } = JSON.parse(await lint()) as { diagnostics: Diagnostic[] };
  found = new Map();
  for (const { filename, code } of diagnostics) {
    const file = filename.replaceAll("\\", "/");
    found.set(file, [...(found.get(file) ?? []), code]);
  }
});

afterAll(() => rmSync(root, { recursive: true, force: true }));

describe("the import rules", () => {
  it.each(violations)("in %s refuse %s", (file) => {
    expect(found.get(file)).toContain("eslint(no-restricted-imports)");
  });

  it.each(otherViolations)("in %s refuse %s by %s", (file, _text, rule) => {
    expect(found.get(file)).toContain(rule);
  });

  it.each(allowed)("in %s allow %s", (file) => {
    expect(found.get(file)).toBeUndefined();
  });

  it("cover every folder of src", () => {
    const covered = new Set([...violations, ...allowed].map(([file]) => file.split("/")[1]));
    const folders = readdirSync(join(project, "src"), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
    expect(folders.filter((folder) => !covered.has(folder))).toEqual([]);
  });
});
