import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import {
  type DeadLetterFilter,
  type DeadLetterSchema,
  DeadLetterStatus,
  OperationsService,
  type RedriveDeadLettersRequest,
} from "../../gen/wms/v1/operations_service_pb.js";
import { type DeadLetterRow, findDeadLetter, listDeadLetters } from "../db/dead-letters.ts";
import { invalidField } from "../domain/errors.ts";
import {
  deadLetterNotFound,
  discardDeadLetter,
  MAX_REDRIVEN,
  redriveDeadLetters,
  redriveMatching,
} from "../use-cases/maintenance/dead-letters.ts";
import type { Deps } from "./deps.ts";
import { callOf, type HandlersOf } from "./handler.ts";
import { nextPageToken, page, requiredId, requiredList, requiredText, text } from "./parse.ts";
import { parseWord } from "./vocabulary-messages.ts";

const STATUSES = {
  open: DeadLetterStatus.OPEN,
  redriven: DeadLetterStatus.REDRIVEN,
  discarded: DeadLetterStatus.DISCARDED,
} satisfies Record<string, DeadLetterStatus>;

type Topic = "listDeadLetters" | "getDeadLetter" | "redriveDeadLetters" | "discardDeadLetter";

/** Messages that could not be processed. */
export function deadLetterHandlers({ db, logger }: Deps): Pick<HandlersOf<typeof OperationsService>, Topic> {
  return {
    listDeadLetters: async (request) => {
      const wanted = page(request);
      const statuses = request.statuses.map((status) => parseWord(STATUSES, "statuses", status));
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
      return { ...deadLetterMessage(row), trace: row.trace };
    },
    redriveDeadLetters: async (request, caller) => {
      const call = callOf(OperationsService.method.redriveDeadLetters, request, caller);
      const wanted = redriveOf(request);
      const { dead_letters, ...counts } =
        "ids" in wanted
          ? await redriveDeadLetters(db, call, wanted.ids)
          : await redriveMatching(db, call, wanted);
      return { deadLetters: dead_letters.map(deadLetterMessage), ...counts };
    },
    discardDeadLetter: async (request, caller) => {
      const call = callOf(OperationsService.method.discardDeadLetter, request, caller);
      const id = requiredId("dead_letter_id", request.deadLetterId);
      const reason = text("reason", request.reason, 500);
      const letter = await discardDeadLetter(db, call, id);
      logger.info(
        { dead_letter_id: String(id), reason, principal: caller.principal },
        "a dead letter was discarded",
      );
      return deadLetterMessage(letter);
    },
  };
}

function redriveOf({ deadLetterIds, filter, limit }: RedriveDeadLettersRequest) {
  if (filter === undefined) {
    if (limit !== 0) throw invalidField("limit", "goes with a filter only: leave it out, or give a filter");
    const ids = requiredList("dead_letter_ids", deadLetterIds, MAX_REDRIVEN);
    return { ids: ids.map((id, index) => requiredId(`dead_letter_ids[${index}]`, id)) };
  }
  if (deadLetterIds.length > 0)
    throw invalidField("filter", "excludes dead_letter_ids: give one of the two, not both");
  if (limit < 0 || limit > MAX_REDRIVEN)
    throw invalidField("limit", `must be 1 to ${MAX_REDRIVEN}, or 0 for ${MAX_REDRIVEN}, not ${limit}`);
  return { filter: filterOf(filter), limit: limit || MAX_REDRIVEN };
}

/** An empty text would be a filter that finds nothing, or everything: neither is what somebody means. */
function filterOf({ stream, eventType, reason }: DeadLetterFilter) {
  return {
    stream: stream === undefined ? undefined : requiredText("filter.stream", stream),
    event_type: eventType === undefined ? undefined : text("filter.event_type", eventType),
    reason: reason === undefined ? undefined : requiredText("filter.reason", reason, 1_000),
  };
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
