import type { MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs, timestampFromDate, timestampNow } from "@bufbuild/protobuf/wkt";
import {
  type DeadLetterSchema,
  DeadLetterStatus,
  OperationsService,
  type VerifyRequest,
} from "../../gen/wms/v1/operations_service_pb.js";
import { type DeadLetterRow, findDeadLetter, listDeadLetters } from "../db/dead-letters.ts";
import { LAWS } from "../db/laws.ts";
import { invalidField } from "../domain/errors.ts";
import {
  deadLetterNotFound,
  discardDeadLetter,
  redriveDeadLetters,
} from "../use-cases/maintenance/dead-letters.ts";
import { verify } from "../use-cases/maintenance/verify.ts";
import type { Deps } from "./deps.ts";
import { callOf, type HandlersOf } from "./handler.ts";
import { wordOf } from "./order-messages.ts";
import { nextPageToken, page, requiredId, requiredList } from "./parse.ts";

const STATUSES = {
  open: DeadLetterStatus.OPEN,
  redriven: DeadLetterStatus.REDRIVEN,
  discarded: DeadLetterStatus.DISCARDED,
} satisfies Record<string, DeadLetterStatus>;

type Topic = "verify" | "listDeadLetters" | "getDeadLetter" | "redriveDeadLetters" | "discardDeadLetter";

const MAX_REDRIVEN = 1_000;

export function operationsHandlers({ db, logger }: Deps): Pick<HandlersOf<typeof OperationsService>, Topic> {
  return {
    verify: async (request) => {
      const verdicts = await verify(db, knownChecks(request));
      return {
        ok: verdicts.every((verdict) => verdict.violation_count === 0n),
        verifiedAt: timestampNow(),
        checks: verdicts.map((verdict) => ({
          name: verdict.name,
          description: `law ${verdict.number}: ${verdict.description}`,
          ok: verdict.violation_count === 0n,
          checkedRows: verdict.checked,
          violationCount: verdict.violation_count,
          violations: verdict.violations,
          duration: durationFromMs(verdict.duration_ms),
        })),
      };
    },
    listDeadLetters: async (request) => {
      const wanted = page(request);
      const statuses = request.statuses.map((status) => wordOf(STATUSES, "statuses", status));
      const filter = {
        statuses: statuses.length > 0 ? statuses : (["open"] as const),
        stream: request.stream,
        event_type: request.eventType,
      };
      const rows = await listDeadLetters(db, filter, wanted);
      return { deadLetters: rows.map(deadLetterMessage), nextPageToken: nextPageToken(rows, wanted) };
    },
    getDeadLetter: async (request) => {
      const id = requiredId("dead_letter_id", request.deadLetterId);
      const row = await findDeadLetter(db, id);
      if (!row) throw deadLetterNotFound(id);
      return deadLetterMessage(row);
    },
    redriveDeadLetters: async (request, caller) => {
      const call = callOf(OperationsService.method.redriveDeadLetters, request, caller);
      const ids = requiredList("dead_letter_ids", request.deadLetterIds, MAX_REDRIVEN);
      const checked = ids.map((id, index) => requiredId(`dead_letter_ids[${index}]`, id));
      const { dead_letters, redriven } = await redriveDeadLetters(db, call, checked);
      return { deadLetters: dead_letters.map(deadLetterMessage), redriven };
    },
    discardDeadLetter: async (request, caller) => {
      const call = callOf(OperationsService.method.discardDeadLetter, request, caller);
      const id = requiredId("dead_letter_id", request.deadLetterId);
      const letter = await discardDeadLetter(db, call, id);
      logger.info(
        { dead_letter_id: String(id), reason: request.reason, principal: caller.principal },
        "a dead letter was discarded",
      );
      return deadLetterMessage(letter);
    },
  };
}

function knownChecks({ checks, warehouseId }: VerifyRequest): readonly string[] {
  const known = new Set(LAWS.map((law) => law.name));
  const unknown = checks.findIndex((name) => !known.has(name));
  if (unknown >= 0)
    throw invalidField(
      `checks[${unknown}]`,
      `must be one of ${[...known].join(", ")}, not "${checks[unknown]}"`,
    );
  if (warehouseId !== undefined)
    throw invalidField("warehouse_id", "the laws hold over all warehouses: leave it out");
  return checks;
}

function deadLetterMessage(row: DeadLetterRow): MessageInitShape<typeof DeadLetterSchema> {
  return {
    id: row.id,
    stream: row.stream,
    entryId: row.entry_id,
    eventId: row.event_id,
    eventType: row.event_type,
    payload: row.payload,
    reason: row.reason,
    attempts: row.attempts,
    status: STATUSES[row.status],
    createdAt: timestampFromDate(row.created_at),
    ...(row.resolved_at ? { resolvedAt: timestampFromDate(row.resolved_at) } : {}),
  };
}
