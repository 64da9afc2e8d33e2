import type { Database } from "../../db/database.ts";
import type { PickAnswer } from "../../db/picking-views.ts";
import type { PickLane } from "./pick-lane.ts";
import type { PickRequest } from "./pick-request.ts";
import { reportShortPick } from "./report-short-pick.ts";

/** One scan. Which way it goes depends on its content alone, so that a repetition finds the first answer. */
export function pickItem(db: Database, lane: PickLane, request: PickRequest): Promise<PickAnswer> {
  return request.pick.short_reason === undefined ? lane.pick(request) : reportShortPick(db, request);
}
