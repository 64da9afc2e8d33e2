import type { Call } from "../../db/idempotency.ts";
import type { PickingItemRow, PickingTaskRow } from "../../db/picking-tasks.ts";
import type { PickAnswer } from "../../db/picking-views.ts";
import type { DomainError } from "../../domain/errors.ts";
import type { Actor } from "../../domain/ownership.ts";
import type { Pick } from "../../domain/picking.ts";

/** One scanner's pick. */
export interface PickRequest {
  call: Call;
  actor: Actor;
  task_id: bigint;
  item_id: bigint;
  pick: Pick;
}

/** Each pick gets its own verdict. `busy`: another transaction holds its task, and the list does not wait. */
export type PickOutcome = { answer: PickAnswer } | { refused: DomainError } | "busy";

/** Units of an item that its picker did not find. */
export interface ShortPick {
  task: PickingTaskRow;
  items: readonly PickingItemRow[];
  item: PickingItemRow;
  missing: number;
  reason: string;
}
