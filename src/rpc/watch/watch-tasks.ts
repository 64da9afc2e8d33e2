import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type {
  TaskChangeSchema,
  TaskSnapshotSchema,
  WatchTasksResponseSchema,
} from "../../../gen/wms/v1/watch_pb.js";
import { findUnknownWarehouse } from "../../db/catalogue.ts";
import type { Database } from "../../db/database.ts";
import type { TailEvent } from "../../db/outbox-tail.ts";
import { packingTaskViews } from "../../db/packing-views.ts";
import { pickingTaskViews } from "../../db/picking-views.ts";
import { listPackingTaskIds, listPickingTaskIds } from "../../db/task-lists.ts";
import { DomainError } from "../../domain/errors.ts";
import { packingTaskMessage } from "../packing-messages.ts";
import { pickingTaskMessage } from "../picking-messages.ts";
import { follow } from "./changes.ts";
import type { Noted } from "./mailbox.ts";
import { resumeToken } from "./resume-token.ts";
import type { OutboxTail } from "./tail.ts";

type Answer = MessageInitShape<typeof WatchTasksResponseSchema>;
type Snapshot = MessageInitShape<typeof TaskSnapshotSchema>;
type Change = MessageInitShape<typeof TaskChangeSchema>;
type TaskRef = Pick<TailEvent, "aggregate" | "aggregate_id">;

/** Tasks in one message of a snapshot: far below what a client takes in one message, which is four megabytes. */
const PART = 200;
/** No floor has as many. */
const MOST = 100_000;

const PICKING = "picking_task";
const PACKING = "packing_task";

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
  const open = await listOpen(db, warehouse_id);
  for (let from = 0, more = true; more; from += PART) {
    more = from + PART < open.length;
    const tasks = await readTasks(db, open.slice(from, from + PART));
    const snapshot: Snapshot = { ...tasks, continued: from > 0, more };
    yield {
      ...(more ? {} : { resumeToken: resumeToken(position) }),
      content: { case: "snapshot", value: snapshot },
    };
  }
}

async function listOpen(db: Database, warehouse_id: bigint): Promise<TaskRef[]> {
  const all = { size: MOST, after: 0n };
  const picking = await listPickingTaskIds(db, { warehouse_id, statuses: OPEN_PICKING }, all);
  const packing = await listPackingTaskIds(db, { warehouse_id, statuses: OPEN_PACKING }, all);
  return [
    ...picking.map((aggregate_id) => ({ aggregate: PICKING, aggregate_id })),
    ...packing.map((aggregate_id) => ({ aggregate: PACKING, aggregate_id })),
  ];
}

async function* tellChanges(db: Database, changes: readonly Noted[]): AsyncGenerator<Answer> {
  const { pickingTasks, packingTasks } = await readTasks(
    db,
    changes.map(({ event }) => event),
  );
  const picking = new Map(pickingTasks.map((task) => [task.id, task]));
  const packing = new Map(packingTasks.map((task) => [task.id, task]));
  for (const { event, position } of changes) {
    const task = event.aggregate === PICKING ? picking.get(event.aggregate_id) : undefined;
    const parcel = event.aggregate === PACKING ? packing.get(event.aggregate_id) : undefined;
    const change: Change = {
      eventType: event.type,
      eventId: event.id,
      occurredAt: timestampFromDate(event.created_at),
    };
    if (task) change.task = { case: "pickingTask", value: task };
    if (parcel) change.task = { case: "packingTask", value: parcel };
    yield { resumeToken: resumeToken(position), content: { case: "change", value: change } };
  }
}

/** As they are now, each once, however much has happened to it. */
async function readTasks(db: Database, refs: readonly TaskRef[]) {
  const picking = await pickingTaskViews(db, idsOf(refs, PICKING));
  const packing = await packingTaskViews(db, idsOf(refs, PACKING));
  return { pickingTasks: picking.map(pickingTaskMessage), packingTasks: packing.map(packingTaskMessage) };
}

function idsOf(refs: readonly TaskRef[], aggregate: string): bigint[] {
  return [...new Set(refs.filter((ref) => ref.aggregate === aggregate).map((ref) => ref.aggregate_id))];
}
