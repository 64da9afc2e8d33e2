import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

/** A TCP proxy whose line can be cut, or go dead without anybody being told. */
export interface Proxy {
  url: string;
  /** Bytes go nowhere from now on, on the connections that there are; TCP still says that all is well. */
  blackHole(): void;
  /** Ends every connection, and refuses new ones until `mend`. */
  cut(): void;
  mend(): void;
  close(): Promise<void>;
}

export async function startProxy(target: string): Promise<Proxy> {
  const to = new URL(target);
  const lines = new Set<{ near: Socket; far: Socket }>();
  let refusing = false;
  const server = createServer((near) => {
    if (refusing) return near.destroy();
    const far = connect(Number(to.port), to.hostname);
    const line = { near, far };
    lines.add(line);
    const end = () => {
      near.destroy();
      far.destroy();
      lines.delete(line);
    };
    for (const socket of [near, far]) socket.on("error", end).on("close", end);
    near.pipe(far);
    far.pipe(near);
    return undefined;
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = new URL(target);
  url.port = String((server.address() as { port: number }).port);
  const cut = () => {
    refusing = true;
    for (const { near, far } of lines) for (const socket of [near, far]) socket.destroy();
  };
  return {
    url: url.href,
    blackHole() {
      for (const { near, far } of lines) {
        near.unpipe(far).resume();
        far.unpipe(near).resume();
      }
    },
    cut,
    mend() {
      refusing = false;
    },
    async close() {
      cut();
      server.close();
      await once(server, "close");
    },
  };
}
