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
import { encodeRefusal, isVerdict, refusalIn } from "../../db/stored-answers.ts";
import { inTransaction, type Transaction } from "../../db/transaction.ts";
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
    const verdicts = decideAll(sheet, fresh, wait, outcomes);
    await writePicks(trx, sheet.writes);
    await settle(trx, fresh, verdicts);
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
    const refused = sameRequest(request.call, known)
      ? refusalIn(known.response)
      : reused(request.call, known.method);
    if (refused) outcomes.set(request, { refused });
    else repeated.push({ request, response: known.response });
  }
  const answers = await unpackPickAnswers(
    trx,
    repeated.map(({ response }) => response),
  );
  repeated.forEach(({ request }, index) => outcomes.set(request, { answer: answers[index] as PickAnswer }));
  return outcomes;
}

/** A verdict given in this transaction. */
interface Verdict {
  call: KeyedCall;
  outcome: Exclude<PickOutcome, "busy">;
}

/** Decides pick after pick. Of those with one request id, the first verdict is that of all. Returns them by request id. */
function decideAll(
  sheet: PickSheet,
  fresh: readonly PickRequest[],
  wait: boolean,
  outcomes: Outcomes,
): Map<string, Verdict> {
  const verdicts = new Map<string, Verdict>();
  for (const request of fresh) {
    const keyed = hasKey(request.call) ? request.call : undefined;
    const earlier = keyed && verdicts.get(keyOf(keyed));
    if (earlier) {
      const { method, bodyHash: body_hash } = earlier.call;
      const same = sameRequest(request.call, { method, body_hash });
      outcomes.set(request, same ? earlier.outcome : { refused: reused(request.call, method) });
      continue;
    }
    const outcome = !wait && !sheet.has(request.task_id) ? "busy" : attempt(sheet, request);
    outcomes.set(request, outcome);
    if (keyed && outcome !== "busy") verdicts.set(keyOf(keyed), { call: keyed, outcome });
  }
  return verdicts;
}

function attempt(sheet: PickSheet, request: PickRequest): Verdict["outcome"] {
  try {
    return { answer: sheet.take(request) };
  } catch (error) {
    if (isVerdict(error)) return { refused: error };
    throw error;
  }
}

async function settle(
  trx: Transaction,
  fresh: readonly PickRequest[],
  verdicts: ReadonlyMap<string, Verdict>,
): Promise<void> {
  const responses = [...verdicts.values()].map(({ call, outcome }) => ({
    call,
    response: "answer" in outcome ? packPickAnswer(outcome.answer) : encodeRefusal(outcome.refused),
  }));
  const calls = fresh.map((request) => request.call).filter(hasKey);
  await settleRequests(
    trx,
    responses,
    calls.filter((call) => !verdicts.has(keyOf(call))),
  );
}
