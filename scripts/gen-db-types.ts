/**
 * Writes src/db/schema.ts: the table types, read from a database that the migrations have just made.
 * With `--check` nothing is written, and a difference fails.
 */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createPool } from "../src/db/database.ts";
import { migrate } from "../src/db/migrate.ts";
import { startEmbedded } from "../src/embedded/embedded.ts";
import { runCommand } from "./run-command.ts";

const TARGET = new URL("../src/db/schema.ts", import.meta.url);

/** Columns whose text is one of a lifecycle's statuses: the generator sees text, the code wants the union. */
const NARROWED: Record<string, Record<string, string>> = {
  Fulfillments: { status: "FulfillmentStatus" },
  Orders: { status: "OrderStatus", priority: "Priority", policy: "OrderPolicy" },
  PickingTasks: { status: "PickingTaskStatus", priority: "Priority" },
  PickingTaskItems: { status: "PickingTaskItemStatus" },
  PackingTasks: { status: "PackingTaskStatus", priority: "Priority", packaging_type: "PackagingType | null" },
  PackingTaskItems: { status: "PackingTaskItemStatus" },
  Packages: { packaging_type: "PackagingType" },
  Shipments: {
    status: "ShipmentStatus",
    label_status: "LabelStatus",
    channel_sync_status: "ChannelSyncStatus",
  },
  LabelAttempts: { status: "LabelAttemptStatus" },
  TrackingEvents: { status: "TrackingStatus" },
  WmsReservations: { status: "ReservationStatus" },
  Listings: { removal_strategy: "RemovalStrategy" },
  Locations: { kind: "LocationKind" },
  InventoryMovements: { from_place: "MovementPlace", to_place: "MovementPlace" },
};

function narrow(generated: string): string {
  const used = new Set<string>();
  let text = generated;
  for (const [table, columns] of Object.entries(NARROWED)) {
    for (const [column, type] of Object.entries(columns)) {
      const line = new RegExp(
        `(interface ${table} \\{[^}]*?\\n  ${column}: )(Generated<string>|string \\| null|string);`,
      );
      if (!line.test(text)) throw new Error(`${table}.${column} is not a text column`);
      text = text.replace(
        line,
        (_, before: string, was: string) =>
          `${before}${was.startsWith("Generated") ? `Generated<${type}>` : type};`,
      );
      used.add(type.replace(" | null", ""));
    }
  }
  const names = [...used].sort().join(", ");
  return text.replace(
    /\nimport type/,
    `\nimport type { ${names} } from "../domain/vocabulary.ts";\nimport type`,
  );
}

async function generate(databaseUrl: string, file: string): Promise<string> {
  const { code, output } = await runCommand([
    "kysely-codegen",
    "--dialect",
    "postgres",
    "--url",
    databaseUrl,
    "--out-file",
    file,
    "--default-schema",
    "public",
    "--include-pattern",
    "public.*",
    "--exclude-pattern",
    "public.schema_migrations",
    "--date-parser",
    "string",
    "--numeric-parser",
    "number",
    "--type-mapping",
    JSON.stringify({ int8: "bigint" }),
  ]);
  if (code !== 0) throw new Error(output);
  await writeFile(file, narrow(await readFile(file, "utf8")));
  const formatted = await runCommand(["biome", "format", "--write", file]);
  if (formatted.code !== 0) throw new Error(formatted.output);
  return readFile(file, "utf8");
}

const { values } = parseArgs({ options: { check: { type: "boolean", default: false } } });
const folder = await mkdtemp(join(tmpdir(), "wms-schema-"));
const services = await startEmbedded({
  dataDir: folder,
  log: () => {},
  need: { postgres: true, redis: false },
  fast: true,
  discard: true,
});
try {
  const url = services.databaseUrl as string;
  const pool = createPool({ connectionString: url });
  await migrate(pool);
  await pool.end();
  // Beside the target, so that the formatter's settings hold for it.
  const draft = new URL("../src/db/schema.draft.ts", import.meta.url).pathname;
  let text: string;
  try {
    text = await generate(url, draft);
  } finally {
    await rm(draft, { force: true });
  }
  if (!values.check) await writeFile(TARGET, text);
  else if (text !== (await readFile(TARGET, "utf8").catch(() => ""))) {
    console.error('src/db/schema.ts is not what the migrations make; run "npm run gen"');
    process.exitCode = 1;
  }
} finally {
  await services.stop();
  await rm(folder, { recursive: true, force: true });
}
