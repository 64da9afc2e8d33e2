import type { Database } from "../../db/database.ts";
import { type Call, once } from "../../db/idempotency.ts";
import { findLabelOrder, labelUrl, listLabels, taskLabelsUrl } from "../../db/labels.ts";
import { packageNotFound } from "../../db/packages.ts";
import { type PackageView, type PackingTaskView, packingTaskView } from "../../db/packing-views.ts";
import { DomainError } from "../../domain/errors.ts";
import { type LabelMedia, USUAL_MEDIA } from "../../domain/label.ts";
import { type Actor, assertOwnTask } from "../../domain/ownership.ts";
import type { LabelFormat } from "../../domain/vocabulary.ts";
import { type LabelDocument, type LabelTools, labelDocument, type WantedDocument } from "./label-document.ts";

export interface PrintLabel {
  task_id: bigint;
  /** Left out: all of them. */
  package_id?: bigint | undefined;
  format: LabelFormat;
  media?: LabelMedia;
  actor: Actor;
}

export interface PrintedLabel extends LabelDocument {
  /** Where the same document can be fetched again. */
  label_url: string;
}

/**
 * The labels of a task's packages; nothing is bought here. Its request id is only taken, against other content: the
 * answer need not be kept, and a label that is not there yet may be asked for again.
 */
export async function printLabel(
  db: Database,
  call: Call,
  input: PrintLabel,
  tools: LabelTools,
): Promise<PrintedLabel> {
  if (call.requestId !== undefined) await once(db, call, () => Promise.resolve(null));
  return taskLabels(db, input, tools);
}

export async function taskLabels(
  db: Database,
  { task_id, package_id, format, media = USUAL_MEDIA, actor }: PrintLabel,
  tools: LabelTools,
): Promise<PrintedLabel> {
  const task = await packingTaskView(db, task_id);
  if (task.status !== "packed" && task.status !== "shipped") throw notPacked(task);
  assertOwnTask(actor, task);
  const boxes = chooseBoxes(task, package_id);
  const ids = boxes.map(({ id }) => id);
  const labels = await listLabels(db, ids);
  const labelled = new Set(labels.map((label) => label.package_id));
  const without = boxes.find((box) => box.tracking_number === null || !labelled.has(box.id));
  if (without) throw await noLabel(db, task, without);
  const document = await labelDocument(labels, { format, media }, tools);
  return { ...document, label_url: urlOf(task_id, ids, { format, media }, document) };
}

function urlOf(
  task_id: bigint,
  package_ids: readonly bigint[],
  { format, media: { page, dpi } }: WantedDocument,
  { as_bought }: LabelDocument,
): string {
  const [first] = package_ids as [bigint];
  if (as_bought) return labelUrl(first);
  const path = package_ids.length === 1 ? labelUrl(first) : taskLabelsUrl(task_id);
  const printer = format === "pdf" ? "" : `&dpi=${dpi}`;
  return `${path}?format=${format}&paper=${page}${printer}`;
}

/** A package's label as it was bought, or in a format that is asked for; undefined when it has none. */
export async function packageLabel(
  db: Database,
  package_id: bigint,
  wanted: WantedDocument | undefined,
  tools: LabelTools,
): Promise<LabelDocument | undefined> {
  const labels = await listLabels(db, [package_id]);
  const [bought] = labels;
  if (!bought) return undefined;
  return labelDocument(labels, wanted ?? { format: bought.format, media: USUAL_MEDIA }, tools);
}

function chooseBoxes(task: PackingTaskView, package_id: bigint | undefined): PackageView[] {
  const boxes = task.packages.filter(({ id }) => package_id === undefined || id === package_id);
  if (boxes.length === 0) throw packageNotFound(package_id ?? 0n, `packing task ${task.id}`);
  return boxes;
}

async function noLabel(db: Database, task: PackingTaskView, box: PackageView): Promise<DomainError> {
  const order = box.shipment_id === null ? undefined : await findLabelOrder(db, box.shipment_id);
  const label_status = order?.label_status ?? "none";
  const metadata = { task_id: task.id, package_id: box.id, label_status };
  if (label_status === "requested" || label_status === "failed")
    return new DomainError(
      "LABEL_NOT_READY",
      `the label of package ${box.id} is ${label_status}: try again soon`,
      metadata,
    );
  return new DomainError(
    "LABEL_NOT_FOUND",
    `package ${box.id} has no label: its label is ${label_status}`,
    metadata,
  );
}

function notPacked({ id, status }: PackingTaskView): DomainError {
  return new DomainError(
    "ILLEGAL_TRANSITION",
    `packing task ${id} is ${status}: print label needs it to be packed or shipped`,
    {
      resource: "packing_task",
      id,
      from: status,
      to: status,
      action: "print_label",
      allowed_from: "packed,shipped",
    },
  );
}
