import type { MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs, timestampFromDate, timestampNow } from "@bufbuild/protobuf/wkt";
import {
  type DeadLetterSchema,
  DeadLetterStatus,
  type OperationsService,
} from "../../gen/wms/v1/operations_service_pb.js";
import { type DeadLetterRow, findDeadLetter, listDeadLetters } from "../db/dead-letters.ts";
import { DomainError } from "../domain/errors.ts";
import { verify } from "../use-cases/maintenance/verify.ts";
import type { Deps } from "./deps.ts";
import type { HandlersOf } from "./handler.ts";
import { wordOf } from "./order-messages.ts";
import { nextPageToken, page, requiredId } from "./parse.ts";

const STATUSES = {
  open: DeadLetterStatus.OPEN,
  redriven: DeadLetterStatus.REDRIVEN,
  discarded: DeadLetterStatus.DISCARDED,
} satisfies Record<string, DeadLetterStatus>;

type Topic = "verify" | "listDeadLetters" | "getDeadLetter";

export function operationsHandlers({ db }: Deps): Pick<HandlersOf<typeof OperationsService>, Topic> {
  return {
    verify: async (request) => {
      const verdicts = await verify(db, request.checks);
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
      const rows = await listDeadLetters(db, { statuses, stream: request.stream }, wanted);
      return { deadLetters: rows.map(deadLetterMessage), nextPageToken: nextPageToken(rows, wanted) };
    },
    getDeadLetter: async (request) => {
      const id = requiredId("dead_letter_id", request.deadLetterId);
      const row = await findDeadLetter(db, id);
      if (!row)
        throw new DomainError("DEAD_LETTER_NOT_FOUND", `no dead letter ${id}`, { dead_letter_id: id });
      return deadLetterMessage(row);
    },
  };
}

function deadLetterMessage(row: DeadLetterRow): MessageInitShape<typeof DeadLetterSchema> {
  return {
    id: row.id,
    stream: row.stream,
    entryId: row.entry_id,
    eventId: row.event_id,
    eventType: row.event_type,
    payload: row.payload as Record<string, string>,
    reason: row.reason,
    attempts: row.attempts,
    status: STATUSES[row.status as keyof typeof STATUSES],
    createdAt: timestampFromDate(row.created_at),
    ...(row.resolved_at ? { resolvedAt: timestampFromDate(row.resolved_at) } : {}),
  };
}
