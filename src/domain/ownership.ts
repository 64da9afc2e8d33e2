import { DomainError } from "./errors.ts";

/** Who acts: a worker is bound to his own tasks, the others are not. */
export interface Actor {
  role: "worker" | "service" | "operator" | "admin";
  workerId?: bigint | undefined;
}

/** A worker acts on tasks of his own only. */
export function assertOwnTask(actor: Actor, task: { id: bigint; worker_id: bigint | null }): void {
  if (actor.role !== "worker") return;
  if (actor.workerId !== undefined && actor.workerId === task.worker_id) return;
  throw new DomainError("NOT_YOUR_TASK", `task ${task.id} is not worker ${actor.workerId ?? "?"}'s own`, {
    task_id: task.id,
  });
}
