import { once } from "node:events";
import {
  type AddressInfo,
  connect,
  createServer as createTcpServer,
  type Server,
  type Socket,
} from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { Admission, int32, type KafkaLogin } from "./kafka-login.ts";

export interface KafkaGateOptions {
  tls?: { cert: Buffer; key: Buffer };
  login?: KafkaLogin;
}

/** A door before a Kafka: it asks for TLS and a name, and then lets everything through. */
export class KafkaGate {
  /** What it was told before it let somebody in or not, as bytes. */
  readonly heard: Buffer[] = [];
  admitted = 0;
  readonly #target: number;
  readonly #login: KafkaLogin | undefined;
  readonly #server: Server;
  readonly #lines = new Set<Socket>();
  readonly #deaf = new Set<Socket>();
  #isShut = false;

  /** Before the Kafka at this host:port. */
  static async open(target: string, options: KafkaGateOptions = {}): Promise<KafkaGate> {
    const gate = new KafkaGate(target, options);
    gate.#server.listen(0, "127.0.0.1");
    await once(gate.#server, "listening");
    return gate;
  }

  private constructor(target: string, { tls, login }: KafkaGateOptions) {
    this.#target = Number(target.slice(target.lastIndexOf(":") + 1));
    this.#login = login;
    const serve = (near: Socket) => this.#serve(near);
    this.#server = tls ? createTlsServer(tls, serve) : createTcpServer(serve);
    this.#server.on("tlsClientError", () => {});
  }

  /** host:port */
  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  /** Kafka does what it is asked for on the lines that there are, and its next answer on each is lost with the line. */
  loseAnswers(): void {
    for (const line of this.#lines) this.#deaf.add(line);
  }

  /** Nobody gets in until it is opened again; who is in is thrown out. */
  shut(): void {
    this.#isShut = true;
    for (const line of this.#lines) line.destroy();
  }

  reopen(): void {
    this.#isShut = false;
  }

  async close(): Promise<void> {
    for (const line of this.#lines) line.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }

  get #port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  #serve(near: Socket): void {
    if (this.#isShut) return void near.destroy();
    this.#lines.add(near);
    near.on("error", () => near.destroy());
    near.on("close", () => this.#lines.delete(near));
    const admission = this.#login && new Admission(this.#login);
    let far = admission ? undefined : this.#lead(near);
    onFrames(near, (frame) => {
      if (far) return void far.write(frame);
      this.heard.push(frame);
      const { answer, done } = (admission as Admission).answer(frame);
      if (answer) near.write(answer);
      else near.destroy();
      if (done) far = this.#lead(near);
    });
  }

  /** On to Kafka. */
  #lead(near: Socket): Socket {
    this.admitted++;
    const far = connect(this.#target, "127.0.0.1");
    far.on("error", () => near.destroy());
    near.on("close", () => far.destroy());
    onFrames(far, (frame) => {
      if (this.#deaf.has(near)) near.destroy();
      else near.write(withPort(frame, this.#target, this.#port));
    });
    return far;
  }
}

/** Whole messages, each with its length before it. */
function onFrames(socket: Socket, take: (frame: Buffer) => void): void {
  let rest = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 4 && rest.length >= 4 + rest.readInt32BE(0)) {
      const end = 4 + rest.readInt32BE(0);
      take(rest.subarray(0, end));
      rest = rest.subarray(end);
    }
  });
}

/** Kafka tells its clients where it is: from here on, that is the gate. */
function withPort(frame: Buffer, from: number, to: number): Buffer {
  const host = Buffer.from("127.0.0.1");
  const told = Buffer.concat([host, int32(from)]);
  for (let at = frame.indexOf(told); at >= 0; at = frame.indexOf(told, at + 1))
    frame.writeInt32BE(to, at + host.length);
  return frame;
}
