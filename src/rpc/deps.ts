import type { Database } from "../db/database.ts";
import type { Logger } from "../logger.ts";

/** What every topic's handlers need. A topic that needs more extends it by intersection. */
export interface Deps {
  db: Database;
  logger: Logger;
}
