import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type {
  TaskChangeSchema,
  TaskSnapshotSchema,
  WatchTasksResponseSchema,
} from "../../../gen/wms/v1/watch_pb.js";
import { findUnknownWarehouse } from "../../db/catalogue.ts";
import type { Database } from "../../db/database.ts";
import { listPackingTaskIds } from "../../db/packing.ts";
import { packingTaskViews } from "../../db/packing-views.ts";
import { listPickingTaskIds } from "../../db/picking-tasks.ts";
import { pickingTaskViews } from "../../db/picking-views.ts";
import { DomainError } from "../../domain/errors.ts";
import { packingTaskMessage } from "../packing-messages.ts";
import { pickingTaskMessage } from "../picking-messages.ts";
import { aggregatesOf, follow } from "./changes.ts";
import type { Noted } from "./mailbox.ts";
import { resumeToken } from "./resume-token.ts";
import type { OutboxTail } from "./tail.ts";

type Answer = MessageInitShape<typeof WatchTasksResponseSchema>;
type Snapshot = MessageInitShape<typeof TaskSnapshotSchema>;
type Task = MessageInitShape<typeof TaskChangeSchema>["task"];

/** Tasks in one message of a snapshot: far below what a client takes in one message, which is four megabytes. */
const PART = 200;

const OPEN_PICKING = ["pending", "assigned", "in_progress"] as const;
const OPEN_PACKING = ["pending", "in_progress", "packed"] as const;

interface TaskWatch {
  warehouse_id: bigint;
  after: bigint | undefined;
  signal: AbortSignal;
  aliveMs?: number | undefined;
}

/** Never ends by itself. */
export async function* watchTasks(
  feed: { db: Database; tail: OutboxTail },
  { warehouse_id, ...rest }: TaskWatch,
): AsyncGenerator<Answer> {
  if ((await findUnknownWarehouse(feed.db, [warehouse_id])) !== undefined)
    throw new DomainError("WAREHOUSE_NOT_FOUND", `no warehouse ${warehouse_id}`, { warehouse_id });
  for await (const news of follow(feed, { watched: { warehouse_id }, ...rest })) {
    if (news.kind === "changes") yield* tellChanges(feed.db, news.changes);
    else if (news.kind === "present") yield* tellPresent(feed.db, warehouse_id, news.position);
    else yield { resumeToken: resumeToken(news.position) };
  }
}

async function* tellPresent(db: Database, warehouse_id: bigint, position: bigint): AsyncGenerator<Answer> {
  let continued = false;
  for await (const part of openTasks(db, warehouse_id)) {
    const snapshot = { case: "snapshot", value: { ...part, continued, more: true } } as const;
    yield { content: snapshot };
    continued = true;
  }
  const end = { case: "snapshot", value: { continued, more: false } } as const;
  yield { resumeToken: resumeToken(position), content: end };
}

async function* openTasks(db: Database, warehouse_id: bigint): AsyncGenerator<Snapshot> {
  const picking = { warehouse_id, statuses: OPEN_PICKING };
  for await (const ids of pages((page) => listPickingTaskIds(db, picking, page)))
    yield { pickingTasks: (await pickingTaskViews(db, ids)).map(pickingTaskMessage) };
  const packing = { warehouse_id, statuses: OPEN_PACKING };
  for await (const ids of pages((page) => listPackingTaskIds(db, packing, page)))
    yield { packingTasks: (await packingTaskViews(db, ids)).map(packingTaskMessage) };
}

async function* pages(
  list: (page: { size: number; after: bigint }) => Promise<bigint[]>,
): AsyncGenerator<bigint[]> {
  let after = 0n;
  do {
    const ids = await list({ size: PART, after });
    if (ids.length > 0) yield ids;
    after = ids.length < PART ? 0n : (ids.at(-1) as bigint);
  } while (after > 0n);
}

async function* tellChanges(db: Database, changes: readonly Noted[]): AsyncGenerator<Answer> {
  const tasks = await readTasks(db, changes);
  for (const { event, position } of changes) {
    const task = tasks.get(`${event.aggregate} ${event.aggregate_id}`);
    if (!task) continue;
    const occurredAt = timestampFromDate(event.created_at);
    const change = { eventType: event.type, eventId: event.id, occurredAt, task };
    yield { resumeToken: resumeToken(position), content: { case: "change", value: change } };
  }
}

/** Each task once, however much has happened to it. */
async function readTasks(db: Database, changes: readonly Noted[]): Promise<Map<string, Task>> {
  const picking = await pickingTaskViews(db, aggregatesOf(changes, "picking_task"));
  const packing = await packingTaskViews(db, aggregatesOf(changes, "packing_task"));
  return new Map<string, Task>([
    ...picking.map(
      (task) =>
        [`picking_task ${task.id}`, { case: "pickingTask", value: pickingTaskMessage(task) }] as const,
    ),
    ...packing.map(
      (task) =>
        [`packing_task ${task.id}`, { case: "packingTask", value: packingTaskMessage(task) }] as const,
    ),
  ]);
}
