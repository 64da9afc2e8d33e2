import { mkdirSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import type { RunningServer } from "./postgres.ts";
import { loadPassword, withFreePort } from "./private-values.ts";
import { findRedisProgram } from "./redis-program.ts";
import { type ServerHome, startServer, waitForServer } from "./server-child.ts";

function configure(dir: string, port: number, password: string, fast: boolean): string {
  const lines = [
    "bind 127.0.0.1",
    `port ${port}`,
    `requirepass ${password}`,
    `dir "${dir.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`,
    // Streams are the post: what was accepted survives a crash, give or take the last second.
    `appendonly yes`,
    `appendfsync ${fast ? "no" : "everysec"}`,
    'save ""',
    // Refuse writes when memory is full, rather than drop undelivered messages.
    "maxmemory-policy noeviction",
    "daemonize no",
  ];
  return `${lines.join("\n")}\n`;
}

/** True once the server lets us in and has loaded its data: until then it answers PING with an error. */
function answersPing(port: number, password: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" });
    let received = "";
    socket.setTimeout(1000, () => socket.destroy());
    socket.on("connect", () => socket.end(`AUTH ${password}\r\nPING\r\nQUIT\r\n`));
    socket.on("data", (chunk: Buffer) => {
      received += chunk.toString("utf8");
    });
    // The outcome is read when the connection closes, which follows an error as well.
    socket.on("error", () => {});
    socket.on("close", () => resolve(received.includes("+PONG")));
  });
}

/** A real Redis or Valkey, private to the data directory: its own port and password, reachable from this machine only. */
export async function startRedis(home: ServerHome): Promise<RunningServer> {
  const { dataDir, log, fast } = home;
  const program = findRedisProgram(log);
  const password = loadPassword(join(dataDir, "redis.password"));
  const dir = join(dataDir, "redis");
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  return withFreePort(async (port) => {
    // In a file, because arguments can be read by everybody.
    const config = join(dir, "redis.conf");
    writeFileSync(config, configure(dir, port, password, fast), { mode: 0o600 });
    const child = await startServer(home, "redis", { ...program, args: [config], cwd: dir });
    await waitForServer(home, "redis", child, () => answersPing(port, password));
    return { url: `redis://default:${password}@127.0.0.1:${port}`, child };
  });
}
