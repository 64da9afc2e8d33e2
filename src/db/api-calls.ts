import { sql } from "kysely";
import type { Database } from "./database.ts";

/** One call to a service of somebody else's, for the audit. */
export interface ApiCall {
  service: string;
  endpoint: string;
  /** What the call was about, such as `shipment:17`. */
  related_id: string;
  request_payload: unknown;
  response_body: string;
  /** null: no answer came, or the call is not HTTP. */
  status_code: number | null;
  is_success: boolean;
  duration_ms: number;
  attempt: number;
}

const MAX_BODY = 20_000;

export async function insertApiCall(db: Database, call: ApiCall): Promise<void> {
  await sql`
    insert into api_calls (service, endpoint, related_id, request_payload, response_body, status_code, is_success,
      duration_ms, attempt)
    values (${call.service}, ${call.endpoint}, ${call.related_id}, ${JSON.stringify(call.request_payload)}::jsonb,
      ${call.response_body.slice(0, MAX_BODY).replaceAll("\u0000", "")}, ${call.status_code}, ${call.is_success},
      ${Math.round(call.duration_ms)}, ${call.attempt})`.execute(db);
}
