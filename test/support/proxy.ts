import { once, setMaxListeners } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** A TCP proxy whose lines can be cut, slow down, or go dead without anybody being told. */
export interface Proxy {
  url: string;
  /** On the lines that there are, bytes go nowhere from now on, nor does either end learn that the other has gone. */
  blackHole(): void;
  /** On the lines that there are, what the client says still arrives, and the server's answers are lost. */
  deafen(): void;
  /** The next bytes of a client that match arrive; the answer to them is lost, and then the client's line is cut. */
  dropNextReply(matching: Matching): void;
  /** Everything arrives so much later, both ways. What is under way when the line is mended arrives at once. */
  delay(ms: number): void;
  /** All lines together carry no more than this, each way. */
  throttle(bytesPerSecond: number): void;
  /** Ends every line, and refuses new ones until `mend`. */
  cut(): void;
  /** All is well again, except for lines that have lost something: they stay as they are until somebody ends them. */
  mend(): void;
  /** New lines lead there from now on: the server has moved. */
  retarget(target: string): void;
  close(): Promise<void>;
}

type Matching = string | Buffer | RegExp;

export async function startProxy(target: string): Promise<Proxy> {
  let to = new URL(target);
  const links = { up: new Link(), down: new Link() };
  const lines = new Set<Line>();
  const traps: Matching[] = [];
  let refusing = false;
  const server = createServer((near) => {
    if (refusing) return near.destroy();
    const line = new Line(near, connect(Number(to.port), to.hostname), links, traps);
    lines.add(line);
    return near.once("close", () => line.dead || lines.delete(line));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = new URL(target);
  url.port = String((server.address() as AddressInfo).port);
  const both = [links.up, links.down];
  const cut = () => {
    refusing = true;
    for (const line of lines) line.cut();
    lines.clear();
  };
  return {
    url: url.href,
    blackHole: () => lines.forEach((line) => line.blackHole()),
    deafen: () => lines.forEach((line) => line.deafen()),
    dropNextReply: (matching) => traps.push(matching),
    delay: (ms) => both.forEach((link) => (link.delayMs = ms)),
    throttle: (bytesPerSecond) => both.forEach((link) => (link.bytesPerSecond = bytesPerSecond)),
    cut,
    mend() {
      refusing = false;
      traps.length = 0;
      for (const link of both) link.mend();
    },
    retarget(moved) {
      to = new URL(moved);
    },
    async close() {
      cut();
      for (const link of both) link.mend();
      server.close();
      await once(server, "close");
    },
  };
}

/** One way of the wire, which all lines share. */
class Link {
  delayMs = 0;
  bytesPerSecond = Number.POSITIVE_INFINITY;
  #freeAt = 0;
  #mended = new AbortController();

  /** Settles when so many bytes, given to the wire now, have arrived. */
  async carry(bytes: number): Promise<void> {
    const now = performance.now();
    this.#freeAt = Math.max(this.#freeAt, now) + (1000 * bytes) / this.bytesPerSecond;
    const ms = this.#freeAt - now + this.delayMs;
    if (ms < 1) return;
    setMaxListeners(0, this.#mended.signal);
    await sleep(ms, undefined, { signal: this.#mended.signal }).catch(() => {});
  }

  mend(): void {
    this.delayMs = 0;
    this.bytesPerSecond = Number.POSITIVE_INFINITY;
    this.#freeAt = 0;
    this.#mended.abort();
    this.#mended = new AbortController();
  }
}

/** A client's connection, and the one that leads on to the server. */
class Line {
  readonly #near: Socket;
  readonly #far: Socket;
  #answers: "passed on" | "lost" | "lost, then cut" = "passed on";
  dead = false;

  constructor(near: Socket, far: Socket, links: { up: Link; down: Link }, traps: Matching[]) {
    this.#near = near;
    this.#far = far;
    const seen = { text: Buffer.alloc(0) };
    this.#join(near, far, links.up, (chunk) => {
      if (this.dead) return false;
      if (sprung(traps, seen, chunk)) this.#answers = "lost, then cut";
      return true;
    });
    this.#join(far, near, links.down, () => {
      if (this.#answers === "lost, then cut") this.#hangUp();
      return !this.dead && this.#answers === "passed on";
    });
  }

  blackHole(): void {
    this.dead = true;
    // Who is not heard can't say goodbye either: he waits for an answer that never comes.
    this.#near.pause();
    this.#far.pause();
  }

  deafen(): void {
    this.#answers = "lost";
  }

  cut(): void {
    this.#near.destroy();
    this.#far.destroy();
  }

  /** The server reads to the end what it was sent before. */
  #hangUp(): void {
    this.#near.destroy();
    this.#far.end();
  }

  /** In order, whatever each piece's time on the wire; `passes` says whether a piece may go on. */
  #join(from: Socket, to: Socket, link: Link, passes: (chunk: Buffer) => boolean): void {
    let last: Promise<unknown> = Promise.resolve();
    from.on("error", () => {}); // followed by "close"
    from.on("data", (chunk: Buffer) => {
      if (!passes(chunk)) return;
      const arrived = link.carry(chunk.length);
      last = last.then(() => arrived).then(() => this.dead || to.write(chunk));
    });
    from.on("close", () => void last.then(() => this.dead || to.end()));
  }
}

/** Whether the client has just said what somebody waits for; what was waited for longest goes first, and once. */
function sprung(traps: Matching[], seen: { text: Buffer }, chunk: Buffer): boolean {
  if (traps.length === 0) return false;
  const text = Buffer.concat([seen.text, chunk]);
  const at = traps.findIndex((trap) =>
    trap instanceof RegExp ? text.toString("latin1").search(trap) >= 0 : text.includes(trap),
  );
  seen.text = at < 0 ? text.subarray(-200) : Buffer.alloc(0);
  if (at < 0) return false;
  traps.splice(at, 1);
  return true;
}
