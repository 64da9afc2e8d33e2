import type { IncomingMessage, ServerResponse } from "node:http";
import type { Database } from "../db/database.ts";
import { DomainError, type ErrorCategory, invalidField } from "../domain/errors.ts";
import { type LabelMedia, USUAL_MEDIA } from "../domain/label.ts";
import type { LabelFormat } from "../domain/vocabulary.ts";
import { renderLabels } from "../labels/render.ts";
import { sendJson } from "../telemetry/platform-routes.ts";
import type { LabelDocument } from "../use-cases/packing/label-document.ts";
import { createLabelReader, type LabelStore } from "../use-cases/packing/label-store.ts";
import { packageLabel, taskLabels } from "../use-cases/packing/print-label.ts";
import type { Authenticate } from "./auth.ts";

export interface LabelRouteOptions {
  db: Database;
  authenticate: Authenticate;
  labelStore?: LabelStore | undefined;
}

/** Answers a GET for a label; undefined for other paths. */
export type LabelRoute = (
  path: string,
) => ((req: IncomingMessage, res: ServerResponse) => Promise<void>) | undefined;

const PATH = /^\/api\/v1\/(packages|packing-tasks)\/([1-9]\d{0,17})\/(label|labels)$/;
const FORMATS: readonly string[] = ["zpl", "pdf", "png"] satisfies LabelFormat[];

const HTTP_STATUS: Partial<Record<ErrorCategory, number>> = {
  invalid: 400,
  unauthenticated: 401,
  denied: 403,
  missing: 404,
  unavailable: 503,
};

/** What `label_url` names: `/api/v1/packages/7/label` as it was bought, and `?format=pdf&paper=a6` in other ways. */
export function createLabelRoute({ db, authenticate, labelStore }: LabelRouteOptions): LabelRoute {
  const labels = { draw: renderLabels, readBytes: createLabelReader(labelStore) };
  return (path) => {
    const [, kind, digits = "", name] = PATH.exec(path) ?? [];
    if (kind === undefined || (kind === "packages") !== (name === "label")) return undefined;
    const id = BigInt(digits);
    return (req, res) =>
      answer(res, async () => {
        const actor = await authenticate(req.headers.authorization);
        const query = new URL(req.url ?? "/", "http://localhost").searchParams;
        const [format, media] = [parseFormat(query.get("format")), parseMedia(query)];
        if (kind === "packages") return packageLabel(db, id, format && { format, media }, labels);
        return taskLabels(db, { task_id: id, format: format ?? "zpl", media, actor }, labels);
      });
  };
}

async function answer(res: ServerResponse, find: () => Promise<LabelDocument | undefined>): Promise<void> {
  try {
    const found = await find();
    if (!found) return sendJson(res, 404, { error: "there is no such package, or it has no label yet" });
    res.writeHead(200, { "content-type": found.content_type, "content-length": found.data.length });
    res.end(found.data);
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    sendJson(res, HTTP_STATUS[error.category] ?? 409, { error: error.message });
  }
}

function parseFormat(value: string | null): LabelFormat | undefined {
  if (value === null) return undefined;
  if (!FORMATS.includes(value)) throw invalidField("format", `must be one of ${FORMATS.join(", ")}`);
  return value as LabelFormat;
}

function parseMedia(query: URLSearchParams): LabelMedia {
  const page = query.get("paper") ?? USUAL_MEDIA.page;
  if (page !== "4x6" && page !== "a6") throw invalidField("paper", "must be 4x6 or a6");
  return { page, dpi: parseDpi(Number(query.get("dpi") ?? 0)) };
}

/** 0: not given. */
export function parseDpi(value: number): LabelMedia["dpi"] {
  if (value === 0) return USUAL_MEDIA.dpi;
  if (value !== 203 && value !== 300) throw invalidField("dpi", `must be 203 or 300, not ${value}`);
  return value;
}
