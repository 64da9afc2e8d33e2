import type { JsonObject, MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs, timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { ApiCallSchema, OperationsService } from "../../gen/wms/v1/operations_service_pb.js";
import { type ApiCallRow, listApiCalls } from "../db/api-calls.ts";
import type { Deps } from "./deps.ts";
import type { HandlersOf } from "./handler.ts";
import { nextPageToken, page } from "./parse.ts";

/** What was said to carriers and sales channels. */
export function apiCallHandlers({ db }: Deps): Pick<HandlersOf<typeof OperationsService>, "listApiCalls"> {
  return {
    listApiCalls: async (request) => {
      const wanted = page(request);
      const { service, endpoint, relatedId: related_id, isSuccess: is_success } = request;
      const rows = await listApiCalls(db, { service, endpoint, related_id, is_success }, wanted);
      const ids = rows.map((row) => ({ id: row.call_id }));
      return { apiCalls: rows.map(apiCallMessage), nextPageToken: nextPageToken(ids, wanted) };
    },
  };
}

function apiCallMessage(row: ApiCallRow): MessageInitShape<typeof ApiCallSchema> {
  return {
    id: row.call_id,
    service: row.service,
    endpoint: row.endpoint,
    relatedId: row.related_id,
    requestPayload: payloadOf(row.request_payload),
    responseBody: row.response_body ?? "",
    statusCode: row.status_code ?? 0,
    isSuccess: row.is_success,
    attempt: row.attempt,
    duration: durationFromMs(row.duration_ms),
    createdAt: timestampFromDate(row.created_at),
  };
}

/** XML and other text, and lists, are no objects: they stand in a field of their own. */
function payloadOf(payload: ApiCallRow["request_payload"]): JsonObject {
  const isObject = typeof payload === "object" && payload !== null && !Array.isArray(payload);
  if (isObject) return payload as JsonObject;
  return payload === null ? {} : { text: typeof payload === "string" ? payload : JSON.stringify(payload) };
}
