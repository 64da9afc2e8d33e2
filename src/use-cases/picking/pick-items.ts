import type { Database } from "../../db/database.ts";
import { reused } from "../../db/idempotency.ts";
import {
  claimRequests,
  type FirstAnswer,
  hasKey,
  type KeyedCall,
  keyOf,
  sameRequest,
  settleRequests,
} from "../../db/idempotency-batch.ts";
import { appendEvents } from "../../db/outbox.ts";
import { packPickAnswer, unpackPickAnswers } from "../../db/pick-answers.ts";
import { listPickingItems, lockPickingTasks } from "../../db/picking-tasks.ts";
import type { PickAnswer } from "../../db/picking-views.ts";
import { writePicks } from "../../db/picking-writes.ts";
import { inTransaction, type Transaction } from "../../db/transaction.ts";
import { DomainError } from "../../domain/errors.ts";
import type { PickOutcome, PickRequest } from "./pick-request.ts";
import { PickSheet } from "./pick-sheet.ts";

/**
 * Takes a list of picks in one transaction, with few statements however long it is. What is wrong with one pick is
 * decided in memory, before anything is written, so it spoils none of the others. Picks with a `short_reason` are not
 * for here: their repair locks more.
 */
export async function pickItems(
  db: Database,
  requests: readonly PickRequest[],
  { wait } = { wait: true },
): Promise<PickOutcome[]> {
  return inTransaction(db, async (trx) => {
    const first = await claimRequests(
      trx,
      requests.map((request) => request.call),
    );
    const outcomes = await replayAll(trx, requests, first);
    const fresh = requests.filter((request) => !outcomes.has(request));
    const tasks = await lockPickingTasks(trx, [...new Set(fresh.map((request) => request.task_id))], {
      wait,
    });
    const sheet = new PickSheet(
      tasks,
      await listPickingItems(
        trx,
        tasks.map((task) => task.id),
      ),
    );
    const answered = decideAll(sheet, fresh, wait, outcomes);
    await writePicks(trx, sheet.writes);
    await settle(trx, fresh, answered);
    await appendEvents(trx, sheet.events);
    return requests.map((request) => outcomes.get(request) as PickOutcome);
  });
}

type Outcomes = Map<PickRequest, PickOutcome>;

/** The outcomes of those that were answered before. */
async function replayAll(
  trx: Transaction,
  requests: readonly PickRequest[],
  first: ReadonlyMap<string, FirstAnswer>,
): Promise<Outcomes> {
  const outcomes: Outcomes = new Map();
  const repeated: { request: PickRequest; response: unknown }[] = [];
  for (const request of first.size > 0 ? requests : []) {
    const known = hasKey(request.call) ? first.get(keyOf(request.call)) : undefined;
    if (known === undefined) continue;
    if (sameRequest(request.call, known)) repeated.push({ request, response: known.response });
    else outcomes.set(request, { refused: reused(request.call, known.method) });
  }
  const answers = await unpackPickAnswers(
    trx,
    repeated.map(({ response }) => response),
  );
  repeated.forEach(({ request }, index) => outcomes.set(request, { answer: answers[index] as PickAnswer }));
  return outcomes;
}

/** An answer given in this transaction, by request id. */
type Answered = Map<string, { call: KeyedCall; answer: PickAnswer }>;

/** Decides pick after pick. Of those with one request id, the first that succeeds answers for all. */
function decideAll(
  sheet: PickSheet,
  fresh: readonly PickRequest[],
  wait: boolean,
  outcomes: Outcomes,
): Answered {
  const answered: Answered = new Map();
  for (const request of fresh) {
    const keyed = hasKey(request.call) ? request.call : undefined;
    const earlier = keyed && answered.get(keyOf(keyed));
    if (earlier) {
      const same = sameRequest(request.call, {
        method: earlier.call.method,
        body_hash: earlier.call.bodyHash,
      });
      outcomes.set(
        request,
        same ? { answer: earlier.answer } : { refused: reused(request.call, earlier.call.method) },
      );
      continue;
    }
    const outcome = !wait && !sheet.has(request.task_id) ? "busy" : attempt(sheet, request);
    outcomes.set(request, outcome);
    if (keyed && typeof outcome === "object" && "answer" in outcome)
      answered.set(keyOf(keyed), { call: keyed, answer: outcome.answer });
  }
  return answered;
}

function attempt(sheet: PickSheet, request: PickRequest): PickOutcome {
  try {
    return { answer: sheet.take(request) };
  } catch (error) {
    if (error instanceof DomainError) return { refused: error };
    throw error;
  }
}

async function settle(trx: Transaction, fresh: readonly PickRequest[], answered: Answered): Promise<void> {
  const responses = [...answered.values()].map(({ call, answer }) => ({
    call,
    response: packPickAnswer(answer),
  }));
  const calls = fresh.map((request) => request.call).filter(hasKey);
  await settleRequests(
    trx,
    responses,
    calls.filter((call) => !answered.has(keyOf(call))),
  );
}
