import type { MessageInitShape } from "@bufbuild/protobuf";
import { type Duration, durationFromMs, timestampFromDate, timestampNow } from "@bufbuild/protobuf/wkt";
import {
  type AlertSchema,
  AlertSeverity,
  type OperationsService,
  type OutboxLagSchema,
  type StreamLagSchema,
  type VerifyRequest,
} from "../../gen/wms/v1/operations_service_pb.js";
import type { AlertRow } from "../db/alerts.ts";
import { LAWS } from "../db/laws.ts";
import { invalidField, unavailable } from "../domain/errors.ts";
import type { GroupLag, Lag } from "../domain/lag.ts";
import { listAlerts } from "../use-cases/maintenance/alerts.ts";
import { verify } from "../use-cases/maintenance/verify.ts";
import type { Deps, StreamDeps } from "./deps.ts";
import type { HandlersOf } from "./handler.ts";
import { parseWord } from "./vocabulary-messages.ts";

const SEVERITIES = {
  warning: AlertSeverity.WARNING,
  critical: AlertSeverity.CRITICAL,
} satisfies Record<string, AlertSeverity>;

type Topic = "verify" | "listAlerts" | "getStreamLag";

/** How the service is: what holds, what fires, what is late. */
export function operationsHandlers({
  db,
  readStreamLag,
}: Deps & StreamDeps): Pick<HandlersOf<typeof OperationsService>, Topic> {
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
    listAlerts: async ({ severity }) => {
      const wanted = severity === undefined ? undefined : parseWord(SEVERITIES, "severity", severity);
      return { alerts: (await listAlerts({ db, readStreamLag }, wanted)).map(alertMessage) };
    },
    getStreamLag: async () => {
      const { streams, outbox } = await reachStreams(readStreamLag);
      return { streams: streams.map(streamLagMessage), outbox: outboxLagMessage(outbox) };
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

async function reachStreams(read: StreamDeps["readStreamLag"]): Promise<Lag> {
  try {
    return await read();
  } catch (error) {
    throw unavailable("the streams can't be reached: try again shortly", error);
  }
}

function alertMessage({ since, ...alert }: AlertRow): MessageInitShape<typeof AlertSchema> {
  const minutes = Math.max(0, Math.floor((Date.now() - since.getTime()) / 60_000));
  return {
    ...alert,
    severity: SEVERITIES[alert.severity],
    summary: `${alert.summary}; since ${since.toISOString().slice(0, 16)}Z (${inWords(minutes)})`,
    since: timestampFromDate(since),
  };
}

function inWords(minutes: number): string {
  if (minutes < 120) return `${minutes} min`;
  return minutes < 48 * 60 ? `${Math.floor(minutes / 60)} h` : `${Math.floor(minutes / 1440)} days`;
}

function streamLagMessage(group: GroupLag): MessageInitShape<typeof StreamLagSchema> {
  return {
    stream: group.stream,
    group: group.group,
    length: BigInt(group.length),
    ...(group.lag === null ? {} : { lag: BigInt(group.lag) }),
    pending: BigInt(group.pending),
    oldestPendingIdle: duration(group.oldest_pending_idle_ms),
    consumers: group.consumers,
    lastDeliveredId: group.last_delivered_id,
  };
}

function outboxLagMessage({
  unpublished,
  oldest_age_ms,
}: Lag["outbox"]): MessageInitShape<typeof OutboxLagSchema> {
  return { unpublished: BigInt(unpublished), oldestAge: duration(oldest_age_ms) };
}

function duration(ms: number | null): Duration | undefined {
  return ms === null ? undefined : durationFromMs(Math.round(ms));
}
