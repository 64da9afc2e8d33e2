import { clearAlert, raiseAlert } from "../../db/alerts.ts";
import type { Database } from "../../db/database.ts";

/** So long a host may be away without anybody being told: most come back by themselves. */
const PATIENCE_SECONDS = 300;
const ALERT = "outside_host_down";

export interface HostState {
  service: string;
  host: string;
  state: "closed" | "open" | "half_open";
  down_since: Date | null;
}

/** Tells of a host outside that stays away, and that it is back. Called whenever its state changes, so at each vain try. */
export async function reportHost(
  db: Database,
  { service, host, state, down_since }: HostState,
  now = new Date(),
): Promise<void> {
  if (state === "closed") return clearAlert(db, ALERT, host);
  const seconds = down_since ? (now.getTime() - down_since.getTime()) / 1000 : 0;
  if (seconds < PATIENCE_SECONDS) return;
  await raiseAlert(db, {
    name: ALERT,
    key: host,
    severity: "critical",
    summary: `${service} (${host}) has not answered for ${Math.round(seconds / 60)} minutes`,
    labels: { service, since: down_since?.toISOString() ?? "" },
    value: seconds,
    threshold: PATIENCE_SECONDS,
  });
}
