import { createHash, createHmac, pbkdf2Sync, randomBytes } from "node:crypto";

export interface Login {
  username: string;
  password: string;
}

const ITERATIONS = 4096;

/** The server's side of RFC 5802, for one caller: two messages, and the word's proof. */
export class ScramServer {
  readonly #hash: "sha256" | "sha512";
  readonly #login: Login;
  readonly #salt = randomBytes(16);
  /** What the proof is made over, once the first message is answered. */
  #first: { bare: string; answer: string; nonce: string } | undefined;

  constructor(hash: "sha256" | "sha512", login: Login) {
    this.#hash = hash;
    this.#login = login;
  }

  /** Undefined: no. */
  answer(said: Buffer): { bytes: Buffer; done: boolean } | undefined {
    return this.#first ? this.#last(said.toString(), this.#first) : this.#begin(said.toString());
  }

  #begin(said: string) {
    const [, bare = "", username = "", theirs = ""] = /^n,,(n=([^,]*),r=([^,]+))$/.exec(said) ?? [];
    if (username !== this.#login.username) return undefined;
    const nonce = `${theirs}${randomBytes(12).toString("hex")}`;
    const answer = `r=${nonce},s=${this.#salt.toString("base64")},i=${ITERATIONS}`;
    this.#first = { bare, answer, nonce };
    return { bytes: Buffer.from(answer), done: false };
  }

  #last(said: string, { bare, answer, nonce }: { bare: string; answer: string; nonce: string }) {
    const [, without = "", proof = ""] = /^(c=biws,r=[^,]+),p=(.+)$/.exec(said) ?? [];
    if (without !== `c=biws,r=${nonce}`) return undefined;
    const over = `${bare},${answer},${without}`;
    const length = this.#hash === "sha256" ? 32 : 64;
    const salted = pbkdf2Sync(this.#login.password, this.#salt, ITERATIONS, length, this.#hash);
    const stored = createHash(this.#hash).update(this.#hmac(salted, "Client Key")).digest();
    const mask = this.#hmac(stored, over);
    const client = Buffer.from(proof, "base64").map((byte, at) => byte ^ (mask[at] as number));
    if (!createHash(this.#hash).update(client).digest().equals(stored)) return undefined;
    const signature = this.#hmac(this.#hmac(salted, "Server Key"), over);
    return { bytes: Buffer.from(`v=${signature.toString("base64")}`), done: true };
  }

  #hmac(key: Buffer, text: string): Buffer {
    return createHmac(this.#hash, key).update(text).digest();
  }
}
