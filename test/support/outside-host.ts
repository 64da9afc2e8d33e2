import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface OutsideRequestSeen {
  method: string;
  url: string;
  headers: IncomingMessage["headers"];
  body: string;
}

export interface OutsideHost {
  url: string;
  seen: OutsideRequestSeen[];
  close(): Promise<void>;
}

/** Somebody else's host, which does to each request whatever `answer` does with it. */
export async function startOutsideHost(
  answer: (seen: OutsideRequestSeen, response: ServerResponse, nth: number) => unknown,
): Promise<OutsideHost> {
  const seen: OutsideRequestSeen[] = [];
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("end", () => {
      const { method = "", url = "", headers } = incoming;
      seen.push({ method, url, headers, body: Buffer.concat(chunks).toString("utf8") });
      void answer(seen.at(-1) as OutsideRequestSeen, response, seen.length);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}
