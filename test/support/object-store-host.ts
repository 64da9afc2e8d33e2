import { createHash, createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface ObjectStoreHost {
  endpoint: string;
  /** By path: bucket, prefix and key. */
  objects: Map<string, { bytes: Buffer; content_type: string }>;
  /** Answers everything with 503 while it is set. */
  down: boolean;
  close(): Promise<void>;
}

/** A little object store that checks who sends and what, as S3 does: signature, clock and the body's hash. */
export async function startObjectStore(secretAccessKey: string): Promise<ObjectStoreHost> {
  const objects: ObjectStoreHost["objects"] = new Map();
  const serve = async (req: IncomingMessage, res: ServerResponse): Promise<unknown> => {
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const refuse = (status: number, code: string) =>
      res.writeHead(status).end(`<Error><Code>${code}</Code></Error>`);
    if (host.down) return refuse(503, "SlowDown");
    const problem = problemOf(req, body, secretAccessKey);
    if (problem) return refuse(403, problem);
    const path = req.url ?? "";
    if (req.method === "PUT") {
      objects.set(path, { bytes: body, content_type: req.headers["content-type"] ?? "" });
      return res.writeHead(200).end();
    }
    const found = objects.get(path);
    return found ? res.writeHead(200).end(found.bytes) : refuse(404, "NoSuchKey");
  };
  const server = createServer((req, res) => void serve(req, res));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const host: ObjectStoreHost = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    objects,
    down: false,
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
  return host;
}

/** Reckons the signature again from what came over the wire. */
function problemOf(req: IncomingMessage, body: Buffer, secret: string): string | undefined {
  const header = (name: string) => String(req.headers[name] ?? "");
  const hash = createHash("sha256").update(body).digest("hex");
  if (header("x-amz-content-sha256") !== hash) return "XAmzContentSHA256Mismatch";
  const [, day = "", region = "", names = "", signature = ""] =
    /^AWS4-HMAC-SHA256 Credential=[^/]+\/(\d{8})\/([^/]+)\/s3\/aws4_request,\s*SignedHeaders=([^,]+),\s*Signature=(\w{64})$/.exec(
      header("authorization"),
    ) ?? [];
  const signed = names.split(";");
  if (!["host", "x-amz-date", "x-amz-content-sha256"].every((name) => signed.includes(name)))
    return "AccessDenied";
  const canonical = `${req.method}\n${req.url}\n\n${signed.map((name) => `${name}:${header(name)}\n`).join("")}\n${names}\n${hash}`;
  const digest = createHash("sha256").update(canonical).digest("hex");
  const text = `AWS4-HMAC-SHA256\n${header("x-amz-date")}\n${day}/${region}/s3/aws4_request\n${digest}`;
  let key: Buffer = Buffer.from(`AWS4${secret}`);
  for (const part of [day, region, "s3", "aws4_request", text])
    key = createHmac("sha256", key).update(part).digest();
  return key.toString("hex") === signature ? undefined : "SignatureDoesNotMatch";
}
