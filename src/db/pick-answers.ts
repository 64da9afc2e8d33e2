import { listPickingItems, type PickingItemRow, type PickingTaskRow } from "./picking-tasks.ts";
import type { PickAnswer } from "./picking-views.ts";
import { decodeAnswer, encodeAnswer } from "./stored-answers.ts";
import type { Transaction } from "./transaction.ts";

/**
 * The answer to a pick, as it is kept for whoever repeats the call. It shows a whole task, and a task of 500 items is
 * picked in 500 calls: so of each item only what a pick can change is kept, and what never changes is read again.
 */
interface StoredAnswer extends Omit<PickAnswer, "task"> {
  task: PickingTaskRow;
  /** id, required, picked, open, status, sequence, picked_at in ms: joined by `,` and `;`, since JSON would be thrice the size. */
  states: string;
  notes: [bigint, string][];
}

const STATUSES = ["pending", "picked", "short", "skipped"] as const;

export function packPickAnswer(answer: PickAnswer): string {
  const { items, ...task } = answer.task;
  const stored: StoredAnswer = {
    ...answer,
    task,
    states: items.map(packState).join(";"),
    notes: items.flatMap((item): [bigint, string][] => (item.notes === null ? [] : [[item.id, item.notes]])),
  };
  return encodeAnswer(stored);
}

function packState(item: PickingItemRow): string {
  const { id, quantity_required, quantity_picked, open_quantity, status, sequence, picked_at } = item;
  return [
    id,
    quantity_required,
    quantity_picked,
    open_quantity,
    STATUSES.indexOf(status),
    sequence,
    picked_at?.getTime() ?? "",
  ].join(",");
}

/** Stored answers in full again, in the order given, with one query for all. */
export async function unpackPickAnswers(
  trx: Transaction,
  responses: readonly unknown[],
): Promise<PickAnswer[]> {
  const stored = responses.map((response) => decodeAnswer<StoredAnswer>(response));
  const items = await listPickingItems(trx, [...new Set(stored.map((answer) => answer.task.id))]);
  const byId = new Map(items.map((item) => [item.id, item]));
  return stored.map(({ states, notes, ...answer }) => {
    const noteOf = new Map(notes);
    const shown = states.split(";").map((state) => unpackState(state, byId, noteOf));
    return { ...answer, task: { ...answer.task, items: shown } };
  });
}

function unpackState(
  state: string,
  items: ReadonlyMap<bigint, PickingItemRow>,
  notes: ReadonlyMap<bigint, string>,
): PickingItemRow {
  const [id = "", required, picked, open, status, sequence, picked_at] = state.split(",");
  const item = items.get(BigInt(id)) as PickingItemRow;
  return {
    ...item,
    quantity_required: Number(required),
    quantity_picked: Number(picked),
    open_quantity: Number(open),
    status: STATUSES[Number(status)] ?? item.status,
    sequence: Number(sequence),
    picked_at: picked_at ? new Date(Number(picked_at)) : null,
    notes: notes.get(item.id) ?? null,
  };
}
