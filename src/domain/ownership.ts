import { DomainError } from "./errors.ts";

export const ROLES = ["worker", "service", "operator", "admin"] as const;

export type Role = (typeof ROLES)[number];

/** Who acts. A worker carries the id that its tasks are given to; the other roles act for anybody. */
export interface Actor {
  role: Role;
  workerId?: bigint | undefined;
}

/** A task as far as it belongs to somebody. */
export interface OwnedTask {
  id: bigint;
  worker_id: bigint | null;
}

/** Workers touch only the tasks that are their own; NOT_YOUR_TASK otherwise. */
export function assertOwnTask(actor: Actor, task: OwnedTask): void {
  if (actor.role !== "worker") return;
  if (actor.workerId !== undefined && task.worker_id === actor.workerId) return;
  const owner = task.worker_id === null ? "nobody's yet" : `worker ${task.worker_id}'s`;
  throw new DomainError("NOT_YOUR_TASK", `task ${task.id} is ${owner}: a worker acts on its own tasks only`, {
    task_id: task.id,
    worker_id: actor.workerId ?? "",
    owner_id: task.worker_id ?? "",
  });
}

/** A worker takes tasks for itself only; the other roles may give them to anybody. */
export function assertOwnHands(actor: Actor, worker_id: bigint): void {
  if (actor.role !== "worker" || actor.workerId === worker_id) return;
  throw new DomainError(
    "NOT_YOUR_TASK",
    `worker ${actor.workerId ?? "without an id"} can't act for worker ${worker_id}: a worker acts for itself only`,
    { worker_id: actor.workerId ?? "", owner_id: worker_id },
  );
}
