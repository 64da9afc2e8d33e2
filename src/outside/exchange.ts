import * as http from "node:http";
import * as https from "node:https";
import type { TLSSocket } from "node:tls";
import { brotliDecompressSync, unzipSync } from "node:zlib";
import { OutsideError } from "./outside-error.ts";

/** One request as it goes over the wire. */
export interface WireRequest {
  /** What messages call it, such as `fedex create_label`: a URL may carry secrets. */
  name: string;
  method: string;
  url: URL;
  headers: Readonly<Record<string, string>>;
  body: string | Uint8Array | undefined;
  /** From the first attempt to connect to the last byte of the answer. */
  timeoutMs: number;
  /** A line of its own: on one that is kept open it can't be told whether the host took the request before closing it. */
  fresh: boolean;
}

export interface WireAnswer {
  status: number;
  headers: Headers;
  body: Buffer;
}

const MAX_BODY = 20_000_000;

const kept = {
  "http:": new http.Agent({ keepAlive: true, maxFreeSockets: 4 }),
  "https:": new https.Agent({ keepAlive: true, maxFreeSockets: 4 }),
};

/**
 * Sends one request, once, and follows no redirect. Throws OutsideError, which knows whether anything can have reached
 * the host: nothing has before the connection, with its TLS, stands.
 */
export function exchange(request: WireRequest): Promise<WireAnswer> {
  return new Promise((resolve, reject) => {
    let connected = false;
    const sent = openRequest(request); // throws for a header that can't be sent
    const timer = setTimeout(
      () => sent.destroy(new Error(`no whole answer within ${request.timeoutMs} ms`)),
      request.timeoutMs,
    );
    const fail = (cause: Error) => {
      clearTimeout(timer);
      const failure = connected ? "no_answer" : "not_sent";
      reject(new OutsideError(`${request.name}: ${cause.message}`, failure, { cause }));
    };
    sent.on("error", fail);
    sent.on("socket", (socket) => {
      const onConnected = () => {
        connected = true;
      };
      if (sent.reusedSocket) onConnected();
      else socket.once((socket as TLSSocket).encrypted ? "secureConnect" : "connect", onConnected);
    });
    sent.on("response", (response) => {
      readAnswer(response).then((answer) => {
        clearTimeout(timer);
        resolve(answer);
      }, fail);
    });
    sent.end(request.body);
  });
}

function openRequest({ method, url, headers, fresh }: WireRequest): http.ClientRequest {
  const protocol = url.protocol === "https:" ? "https:" : "http:";
  const agent = fresh ? false : kept[protocol];
  return (protocol === "https:" ? https : http).request(url, { method, headers, agent });
}

async function readAnswer(response: http.IncomingMessage): Promise<WireAnswer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY) throw new Error(`the answer has more than ${MAX_BODY} bytes`); // leaving the loop ends the line
    chunks.push(chunk);
  }
  if (!response.complete) throw new Error("the answer broke off");
  const headers = headersOf(response);
  return { status: response.statusCode ?? 0, headers, body: unpack(Buffer.concat(chunks), headers) };
}

/** We ask for no compression; some hosts compress all the same. */
function unpack(body: Buffer, headers: Headers): Buffer {
  const encoding = headers.get("content-encoding")?.trim().toLowerCase() ?? "identity";
  const limit = { maxOutputLength: MAX_BODY };
  if (body.length === 0 || encoding === "identity") return body;
  if (encoding === "br") return brotliDecompressSync(body, limit);
  if (/^(x-)?gzip$|^deflate$/.test(encoding)) return unzipSync(body, limit);
  throw new Error(`the answer is packed as ${encoding}`);
}

function headersOf({ rawHeaders }: http.IncomingMessage): Headers {
  const headers = new Headers();
  for (let index = 0; index + 1 < rawHeaders.length; index += 2)
    headers.append(rawHeaders[index] as string, rawHeaders[index + 1] as string);
  return headers;
}
