import { once } from "node:events";
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { type Login, ScramServer } from "./scram-server.ts";

/** A door before a Kafka: it asks for TLS and a name, and then lets everything through. */
export interface KafkaGate {
  /** host:port */
  address: string;
  /** What it was told before it let somebody in or not, as bytes. */
  readonly heard: Buffer[];
  readonly admitted: number;
  /** Kafka does what it is asked for on the lines that there are, and its next answer on each is lost with the line. */
  loseAnswers(): void;
  /** Nobody gets in until it is opened; who is in is thrown out. */
  shut(): void;
  open(): void;
  close(): Promise<void>;
}

export interface KafkaGateOptions {
  tls?: { cert: Buffer; key: Buffer };
  login?: Login & { mechanism: string };
}

const API_VERSIONS = 18;
const SASL_HANDSHAKE = 17;
const SASL_AUTHENTICATE = 36;
const SASL_AUTHENTICATION_FAILED = 58;
const UNSUPPORTED_SASL_MECHANISM = 33;

/** Written from the protocol's own description: frames, and the three requests that come before a login. */
export async function startKafkaGate(target: string, { tls, login }: KafkaGateOptions): Promise<KafkaGate> {
  const heard: Buffer[] = [];
  const lines = new Set<Socket>();
  const deaf = new Set<Socket>();
  let isShut = false;
  let admitted = 0;
  let own = 0;
  const serve = (near: Socket) => {
    if (isShut) return void near.destroy();
    lines.add(near);
    near.on("error", () => near.destroy());
    near.on("close", () => lines.delete(near));
    const admission = login && new Admission(login);
    let far: Socket | undefined;
    const open = () => {
      admitted++;
      far = connect(portOf(target), "127.0.0.1");
      far.on("error", () => near.destroy());
      onFrames(far, (frame) => {
        if (deaf.has(near)) near.destroy();
        else near.write(withPort(frame, portOf(target), own));
      });
      near.on("close", () => far?.destroy());
    };
    if (!admission) open();
    onFrames(near, (frame) => {
      if (far) return void far.write(frame);
      heard.push(frame);
      const { answer, done } = (admission as Admission).answer(frame);
      if (answer) near.write(answer);
      else near.destroy();
      if (done) open();
    });
  };
  const server = tls ? createTlsServer(tls, serve) : createTcpServer(serve);
  server.on("tlsClientError", () => {});
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  own = (server.address() as AddressInfo).port;
  return {
    address: `127.0.0.1:${own}`,
    heard,
    get admitted() {
      return admitted;
    },
    loseAnswers: () => lines.forEach((line) => deaf.add(line)),
    shut() {
      isShut = true;
      for (const line of lines) line.destroy();
    },
    open: () => void (isShut = false),
    async close() {
      for (const line of lines) line.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

/** One caller's way through the door. */
class Admission {
  readonly #login: Login & { mechanism: string };
  #scram: ScramServer | undefined;

  constructor(login: Login & { mechanism: string }) {
    this.#login = login;
  }

  answer(frame: Buffer): { answer?: Buffer; done?: boolean } {
    const key = frame.readInt16BE(4);
    const correlation = frame.subarray(8, 12);
    const body = frame.subarray(14 + Math.max(0, frame.readInt16BE(12)));
    if (key === API_VERSIONS) return { answer: framed(correlation, VERSIONS) };
    if (key === SASL_HANDSHAKE) return { answer: framed(correlation, this.#handshake(body)) };
    if (key !== SASL_AUTHENTICATE) return {}; // a broker hangs up on whoever asks for more
    const reply = this.#authenticate(body.subarray(4));
    return { answer: framed(correlation, authenticated(reply?.bytes)), done: reply?.done ?? false };
  }

  #handshake(body: Buffer): Buffer {
    const asked = body.subarray(2, 2 + body.readInt16BE(0)).toString();
    const code = asked === this.#login.mechanism ? 0 : UNSUPPORTED_SASL_MECHANISM;
    return Buffer.concat([int16(code), int32(1), text(this.#login.mechanism)]);
  }

  /** Undefined: no. */
  #authenticate(said: Buffer): { bytes: Buffer; done: boolean } | undefined {
    const { mechanism, username, password } = this.#login;
    if (mechanism === "PLAIN") {
      const right = said.toString() === `\0${username}\0${password}`;
      return right ? { bytes: Buffer.alloc(0), done: true } : undefined;
    }
    this.#scram ??= new ScramServer(mechanism === "SCRAM-SHA-256" ? "sha256" : "sha512", this.#login);
    return this.#scram.answer(said);
  }
}

function authenticated(bytes: Buffer | undefined): Buffer {
  const message = bytes ? int16(-1) : text("no");
  const given = bytes ?? Buffer.alloc(0);
  const lifetime = Buffer.alloc(8);
  const code = int16(bytes ? 0 : SASL_AUTHENTICATION_FAILED);
  return Buffer.concat([code, message, int32(given.length), given, lifetime]);
}

const VERSIONS = Buffer.concat([
  int16(0),
  int32(3),
  ...[API_VERSIONS, SASL_HANDSHAKE, SASL_AUTHENTICATE].flatMap((key) => [int16(key), int16(0), int16(1)]),
  int32(0),
]);

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

function framed(correlation: Buffer, body: Buffer): Buffer {
  return Buffer.concat([int32(correlation.length + body.length), correlation, body]);
}

function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(":") + 1));
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function text(value: string): Buffer {
  return Buffer.concat([int16(Buffer.byteLength(value)), Buffer.from(value)]);
}
