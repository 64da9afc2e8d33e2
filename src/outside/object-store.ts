import type { OutsideAnswer, OutsideClient, OutsideRequest } from "./outside-client.ts";
import { type Credentials, signedHeaders } from "./signature-v4.ts";

/** A bucket of Amazon S3, or of whatever speaks as it does. */
export interface Bucket {
  /** Such as `https://s3.eu-central-1.amazonaws.com`: the bucket's name comes behind it. */
  endpoint: string;
  region: string;
  bucket: string;
  /** Stands before all keys; empty, or with its own slash at the end. */
  prefix: string;
  credentials: Credentials;
}

/** Keys are of letters that need no escaping in a URL: a to z, digits, dots, dashes, slashes. */
export interface ObjectStore {
  put(key: string, bytes: Uint8Array, content_type: string): Promise<void>;
  get(key: string): Promise<Uint8Array>;
}

interface Transfer extends Pick<OutsideRequest, "operation" | "method" | "headers"> {
  key: string;
  body?: Uint8Array;
}

const TIMEOUT_MS = 10_000;

/** Both calls throw when the store can't be reached, or says no. */
export function createObjectStore(
  client: OutsideClient,
  { endpoint, region, bucket, prefix, credentials }: Bucket,
  now = () => new Date(),
): ObjectStore {
  const send = async ({ operation, method, key, headers = {}, body }: Transfer): Promise<Buffer> => {
    const url = new URL(`${endpoint.replace(/\/$/, "")}/${bucket}/${prefix}${key}`);
    const toSign = { method, url, headers, body: body ?? new Uint8Array(), region, now: now() };
    const answer = await client.send({
      operation,
      method,
      path: url.href,
      headers: signedHeaders(toSign, credentials),
      ...(body ? { body } : {}),
      timeoutMs: TIMEOUT_MS,
      repeatable: true,
    });
    if (answer.status !== 200) throw new Error(refusal(operation, key, answer));
    return answer.body;
  };
  return {
    put: async (key, body, content_type) => {
      const headers = { "content-type": content_type };
      await send({ operation: "put_object", method: "PUT", key, headers, body });
    },
    get: (key) => send({ operation: "get_object", method: "GET", key }),
  };
}

function refusal(operation: string, key: string, { status, body }: OutsideAnswer): string {
  const code = /<Code>([^<]{1,80})<\/Code>/.exec(body.toString("utf8"))?.[1] ?? "no code";
  return `the object store refused ${operation} of ${key}: ${status} ${code}`;
}
