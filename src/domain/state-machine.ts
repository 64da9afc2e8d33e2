import { DomainError } from "./errors.ts";

/** A lifecycle as data: the SQL edges, the guard, the diagram in docs/lifecycles.md and the tests are derived from it. */
export interface StateMachine<Status extends string = string, Action extends string = string> {
  readonly name: string;
  readonly initial: readonly Status[];
  readonly statuses: readonly Status[];
  readonly actions: Readonly<Record<Action, { readonly from: readonly Status[]; readonly to: Status }>>;
}

export type StatusOf<M> = M extends StateMachine<infer Status, string> ? Status : never;
export type ActionOf<M> = M extends StateMachine<string, infer Action> ? Action : never;

export function defineStateMachine<const Status extends string, const Action extends string>(definition: {
  name: string;
  initial: readonly NoInfer<Status>[];
  statuses: readonly Status[];
  actions: Record<Action, { from: readonly NoInfer<Status>[]; to: NoInfer<Status> }>;
}): StateMachine<Status, Action> {
  return definition;
}

export function canTransition<S extends string, A extends string>(
  machine: StateMachine<S, A>,
  status: S,
  action: NoInfer<A>,
): boolean {
  return machine.actions[action].from.includes(status);
}

/** The status after `action`, or ILLEGAL_TRANSITION naming the present status and those that would do. */
export function transition<S extends string, A extends string>(
  machine: StateMachine<S, A>,
  status: S,
  action: NoInfer<A>,
  id: bigint | string,
): S {
  const edge = machine.actions[action];
  if (edge.from.includes(status)) return edge.to;
  const thing = machine.name.replaceAll("_", " ");
  throw new DomainError(
    "ILLEGAL_TRANSITION",
    `${thing} ${id} is ${status}: ${action.replaceAll("_", " ")} needs it to be ${edge.from.join(" or ")}`,
    { resource: machine.name, id, from: status, to: edge.to, action, allowed_from: edge.from.join(",") },
  );
}

/** The action that leads from one status to another, if any does. */
export function actionBetween<S extends string, A extends string>(
  machine: StateMachine<S, A>,
  from: S,
  to: S,
): A | undefined {
  return (Object.keys(machine.actions) as A[]).find(
    (action) => machine.actions[action].to === to && machine.actions[action].from.includes(from),
  );
}

/** The machine's edges as (action, from, to), in the order of its declaration. */
export function edgesOf(machine: StateMachine): { action: string; from: string; to: string }[] {
  return Object.entries(machine.actions).flatMap(([action, edge]) =>
    edge.from.map((from) => ({ action, from, to: edge.to })),
  );
}

/** A Mermaid state diagram, as docs/lifecycles.md shows it. */
export function toMermaid(machine: StateMachine): string {
  const arrows = edgesOf(machine).map(({ action, from, to }) => `  ${from} --> ${to}: ${action}`);
  const starts = machine.initial.map((status) => `  [*] --> ${status}`);
  const left = new Set(edgesOf(machine).map((edge) => edge.from));
  const ends = machine.statuses.filter((status) => !left.has(status)).map((status) => `  ${status} --> [*]`);
  return ["stateDiagram-v2", ...starts, ...arrows, ...ends].join("\n");
}
