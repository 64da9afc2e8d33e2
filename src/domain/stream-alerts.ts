import { CONSUMER_GROUP, ORDER_STREAM } from "./events.ts";
import type { GroupLag, Lag } from "./lag.ts";

/** Of other groups' lag, those who run them know. */
const STUCK_MS = 120_000;
const LATE_MS = 60_000;

export interface StreamAlert {
  name: string;
  severity: "critical";
  summary: string;
  labels: Record<string, string>;
  /** Seconds, as the threshold. */
  value: number;
  threshold: number;
  since: Date;
}

/** What somebody has to look at on the order stream: messages that nobody takes, or takes and doesn't finish. */
export function judgeStreams({ streams }: Lag, now: Date): StreamAlert[] {
  const ours = streams.find(({ stream, group }) => stream === ORDER_STREAM && group === CONSUMER_GROUP);
  if (!ours) return [];
  return [
    ...over("stream_stuck", STUCK_MS, ours.oldest_pending_idle_ms, now, ours, "taken and not finished"),
    ...over("stream_late", LATE_MS, ours.oldest_waiting_ms, now, ours, "taken by nobody"),
  ];
}

/** As alerting as anything that it keeps from being seen. */
export function streamsUnreachable(error: unknown, now: Date): StreamAlert {
  const reason = error instanceof Error ? error.message : String(error);
  return {
    name: "streams_unreachable",
    severity: "critical",
    summary: `the streams can't be reached (${reason})`,
    labels: {},
    value: 1,
    threshold: 0,
    since: now,
  };
}

function over(
  name: string,
  threshold_ms: number,
  age_ms: number | null,
  now: Date,
  { stream, group, pending, lag }: GroupLag,
  what: string,
): StreamAlert[] {
  if (age_ms === null || age_ms <= threshold_ms) return [];
  return [
    {
      name,
      severity: "critical",
      summary: `a message of ${stream} is ${what} (pending ${pending}, waiting ${lag ?? "unknown"})`,
      labels: { stream, group },
      value: age_ms / 1000,
      threshold: threshold_ms / 1000,
      since: new Date(now.getTime() - age_ms),
    },
  ];
}
