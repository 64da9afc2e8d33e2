import type { OutsideClient } from "../outside/outside-client.ts";

/** A host that wants the same headers with every call: its credentials, mostly. */
export function withHeaders(client: OutsideClient, headers: Readonly<Record<string, string>>): OutsideClient {
  return { send: (request) => client.send({ ...request, headers: { ...request.headers, ...headers } }) };
}

export function basicAuthorization(username: string, password: string): { authorization: string } {
  return { authorization: `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}` };
}
