import { type Login, ScramServer } from "./scram-server.ts";

export interface KafkaLogin extends Login {
  mechanism: string;
}

const API_VERSIONS = 18;
const SASL_HANDSHAKE = 17;
const SASL_AUTHENTICATE = 36;
const SASL_AUTHENTICATION_FAILED = 58;
const UNSUPPORTED_SASL_MECHANISM = 33;

/** One caller's way in: the three requests that may come before a login, by the protocol's own description. */
export class Admission {
  readonly #login: KafkaLogin;
  #scram: ScramServer | undefined;

  constructor(login: KafkaLogin) {
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

function framed(correlation: Buffer, body: Buffer): Buffer {
  return Buffer.concat([int32(correlation.length + body.length), correlation, body]);
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

export function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function text(value: string): Buffer {
  return Buffer.concat([int16(Buffer.byteLength(value)), Buffer.from(value)]);
}
