import type { Database } from "../../db/database.ts";
import {
  findLabel,
  findLabelOrder,
  keepLabel,
  labelUrl,
  listParcels,
  type StoredLabel,
} from "../../db/labels.ts";
import { packageNotFound } from "../../db/packages.ts";
import { type PackageView, type PackingTaskView, packingTaskView } from "../../db/packing-views.ts";
import { DomainError } from "../../domain/errors.ts";
import type { LabelRenderer } from "../../domain/label.ts";
import { type Actor, assertOwnTask } from "../../domain/ownership.ts";
import type { LabelFormat } from "../../domain/vocabulary.ts";

export interface PrintLabel {
  task_id: bigint;
  /** Left out: the first. */
  package_id?: bigint | undefined;
  format: LabelFormat;
  actor: Actor;
}

export interface PrintedLabel extends StoredLabel {
  label_url: string;
}

/**
 * A label's stored bytes; nothing is bought here. In a format that the carrier did not sell, our own drawing of the
 * stored data is made once and kept, so that every print gives the same bytes.
 */
export async function printLabel(
  db: Database,
  input: PrintLabel,
  render: LabelRenderer,
): Promise<PrintedLabel> {
  const task = await packingTaskView(db, input.task_id);
  if (task.status !== "packed" && task.status !== "shipped") throw notPacked(task);
  assertOwnTask(input.actor, task);
  const box = chooseBox(task, input.package_id);
  const label_url = labelUrl(box.id);
  const stored = await findLabel(db, box.id, input.format);
  if (!stored || box.tracking_number === null) throw await noLabel(db, task, box);
  if (stored.format === input.format) return { ...stored, label_url };
  return { ...(await drawLabel(db, box, input.format, render)), label_url };
}

async function drawLabel(
  db: Database,
  box: PackageView,
  format: LabelFormat,
  render: LabelRenderer,
): Promise<StoredLabel> {
  const parcels = await listParcels(db, box.shipment_id ?? 0n);
  const parcel = parcels.find(({ package_id }) => package_id === box.id);
  if (!parcel) throw packageNotFound(box.id, `shipment ${box.shipment_id}`);
  return keepLabel(db, box.id, { format, data: render(format, parcel.content) });
}

function chooseBox(task: PackingTaskView, package_id: bigint | undefined): PackageView {
  const box = package_id === undefined ? task.packages[0] : task.packages.find(({ id }) => id === package_id);
  if (!box) throw packageNotFound(package_id ?? 0n, `packing task ${task.id}`);
  return box;
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
