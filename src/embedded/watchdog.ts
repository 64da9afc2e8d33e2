/**
 * Ends the servers when the service is killed and cannot do it itself. It holds the reading end of a pipe from
 * the service: one line for each server, and the end of the pipe is the end of the service, however it died.
 */
import { createInterface } from "node:readline";
import type { ProcessIdentity } from "./process-identity.ts";
import { type ServerName, stopServer } from "./server-child.ts";

type Watched = { name: ServerName; identity: ProcessIdentity };

const watched: Watched[] = [];
for await (const line of createInterface({ input: process.stdin })) watched.push(JSON.parse(line) as Watched);
// After an orderly stop none of them is alive any more, and this does nothing.
await Promise.all(watched.map(({ name, identity }) => stopServer(name, identity)));
