import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { CarrierSettingError } from "./known-carriers.ts";

/** The first encrypts, all decrypt. */
export type CredentialsKeys = readonly [CredentialsKey, ...CredentialsKey[]];

interface CredentialsKey {
  id: string;
  key: Buffer;
}

/** Whose settings they are: bound to them, so that they are nobody else's. */
export interface Account {
  carrier_code: string;
  account: string;
}

export interface SealedSettings extends Account {
  key_id: string;
  nonce: Buffer;
  ciphertext: Buffer;
}

const CIPHER = "aes-256-gcm";
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const SHAPE = `must be ${KEY_BYTES} random bytes in base64, or a list such as new:…,old:… of which the first encrypts`;
/** Of a key that stands alone, without an id. */
const ONLY_KEY = "default";

/** Throws CarrierSettingError, which repeats nothing of what was given. */
export function readCredentialsKeys(text: string): CredentialsKeys {
  const [first, ...others] = text.split(",").map((part) => readKey(part.trim()));
  if (!first) throw new CarrierSettingError(SHAPE);
  const keys = [first, ...others] as const;
  if (new Set(keys.map(({ id }) => id)).size < keys.length)
    throw new CarrierSettingError("has two keys of the same id");
  return keys;
}

function readKey(text: string): CredentialsKey {
  const [, id = ONLY_KEY, encoded = ""] = /^(?:([\w.-]{1,64}):)?([A-Za-z0-9+/_-]{43}=?)$/.exec(text) ?? [];
  const key = Buffer.from(encoded, "base64");
  if (key.length !== KEY_BYTES) throw new CarrierSettingError(SHAPE);
  return { id, key };
}

export function sealSettings(
  [{ id, key }]: CredentialsKeys,
  whose: Account,
  settings: unknown,
): SealedSettings {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, key, nonce).setAAD(nameOf(whose));
  const text = Buffer.concat([cipher.update(JSON.stringify(settings), "utf8"), cipher.final()]);
  const { carrier_code, account } = whose;
  return { carrier_code, account, key_id: id, nonce, ciphertext: Buffer.concat([text, cipher.getAuthTag()]) };
}

/** Throws CarrierSettingError, which says nothing of the content. */
export function openSettings(keys: readonly CredentialsKey[], sealed: SealedSettings): unknown {
  const { carrier_code, key_id, nonce, ciphertext } = sealed;
  const known = keys.find(({ id }) => id === key_id);
  if (!known)
    throw new CarrierSettingError(
      `the settings of ${carrier_code} were encrypted with key "${key_id}", which is not in it`,
    );
  const end = ciphertext.length - TAG_BYTES;
  try {
    const decipher = createDecipheriv(CIPHER, known.key, nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(nameOf(sealed)).setAuthTag(ciphertext.subarray(end));
    const text = Buffer.concat([decipher.update(ciphertext.subarray(0, end)), decipher.final()]);
    return JSON.parse(text.toString("utf8"));
  } catch {
    throw new CarrierSettingError(
      `the settings of ${carrier_code} can't be read with key "${key_id}": it is another key, or they were altered`,
    );
  }
}

function nameOf({ carrier_code, account }: Account): Buffer {
  return Buffer.from(JSON.stringify([carrier_code, account]));
}
