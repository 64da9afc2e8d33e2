import { type Selectable, sql } from "kysely";
import type { Database } from "./database.ts";
import type { ApiCalls } from "./schema.ts";

/** One call to a service of somebody else's, for the audit: what must not be kept of it is blotted out already. */
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

export async function insertApiCall(db: Database, call: ApiCall): Promise<void> {
  await sql`
    insert into api_calls (service, endpoint, related_id, request_payload, response_body, status_code, is_success,
      duration_ms, attempt)
    values (${call.service}, ${call.endpoint}, ${call.related_id}, ${JSON.stringify(call.request_payload)}::jsonb,
      ${call.response_body}, ${call.status_code}, ${call.is_success}, ${Math.round(call.duration_ms)}, ${call.attempt})`.execute(
    db,
  );
}

export type ApiCallRow = Selectable<ApiCalls>;

export interface ApiCallFilter {
  service?: string | undefined;
  endpoint?: string | undefined;
  related_id?: string | undefined;
  is_success?: boolean | undefined;
}

/** The newest first; `after` is the last id seen, 0 starts. */
export async function listApiCalls(
  db: Database,
  filter: ApiCallFilter,
  page: { size: number; after: bigint },
): Promise<ApiCallRow[]> {
  let query = db.selectFrom("api_calls").selectAll().orderBy("call_id", "desc").limit(page.size);
  if (page.after > 0n) query = query.where("call_id", "<", page.after);
  for (const column of ["service", "endpoint", "related_id", "is_success"] as const) {
    const wanted = filter[column];
    if (wanted !== undefined) query = query.where(column, "=", wanted);
  }
  return query.execute();
}
