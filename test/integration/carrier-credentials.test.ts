import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { readCredentialsKeys, sealSettings } from "../../src/carriers/credentials.ts";
import { readConfig } from "../../src/config.ts";
import { listCredentials, replaceCredentials, upsertCredential } from "../../src/db/credentials.ts";
import type { Database } from "../../src/db/database.ts";
import { readCarriers } from "../../src/start/carriers.ts";
import { credentialsKeys, withStoredSettings } from "../../src/start/stored-settings.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";

const PROGRAM = fileURLToPath(new URL("../../src/cli/bin.js", import.meta.url));
const ACS = {
  apiKey: "acs-api-key-1234",
  companyId: "company-77",
  companyPassword: "company-pass",
  userId: "user-88",
  userPassword: "user-pass-99",
  billingCode: "2AB123456",
};
const KEY = randomBytes(32).toString("base64");
const NEW_KEY = randomBytes(32).toString("base64");

let test: TestDatabase;
let db: Database;
let file: string;

beforeAll(async () => {
  test = await testDatabase();
  db = test.db;
  file = join(mkdtempSync(join(tmpdir(), "warehouse-carriers-")), "settings.json");
  writeFileSync(file, JSON.stringify(ACS));
});
beforeEach(() => sql`delete from carrier_credentials`.execute(db));
afterAll(() => test.close());

async function store(carrier_code = "acs", settings: unknown = ACS, key = KEY): Promise<void> {
  await upsertCredential(db, sealSettings(readCredentialsKeys(key), { carrier_code, account: "" }, settings));
}

/** The settings that a start would find; or the line that it would end with. */
async function found(environment: Record<string, string>): Promise<Record<string, unknown> | string> {
  try {
    return (await withStoredSettings(readConfig(environment), test.url)).CARRIERS;
  } catch (error) {
    return (error as Error).message;
  }
}

function carriers(args: string[], CREDENTIALS_KEY = KEY): Promise<{ code: number; said: string }> {
  return new Promise((resolve) => {
    const env = { PATH: process.env["PATH"], DATABASE_URL: test.url, CREDENTIALS_KEY };
    execFile(process.execPath, [PROGRAM, "carriers", ...args], { env, timeout: 50_000 }, (error, out, err) =>
      resolve({ code: error ? Number(error.code ?? -1) : 0, said: out + err }),
    );
  });
}

function expectNoSecret(text: string): void {
  for (const secret of [...Object.values(ACS), KEY, NEW_KEY]) expect(text).not.toContain(secret);
}

describe("carriers' settings in the database", () => {
  it("come back as they were stored, and can't be read without the key", async () => {
    await store();
    expect(await found({ CREDENTIALS_KEY: KEY })).toEqual({ acs: ACS });
    const [row] = await listCredentials(db);
    for (const secret of Object.values(ACS)) expect(row?.ciphertext.includes(secret)).toBe(false);
    await store();
    expect((await listCredentials(db))[0]?.nonce.equals(row?.nonce as Buffer)).toBe(false);
  });

  it("make a carrier like those of the environment, which come first", async () => {
    await store();
    await store("bex", { token: "x" });
    const given = { ...ACS, billingCode: "2XX000000" };
    const environment = { CREDENTIALS_KEY: KEY, CARRIERS: JSON.stringify({ acs: given }) };
    expect(await found(environment)).toEqual({ acs: given, bex: { token: "x" } });
    await sql`delete from carrier_credentials where carrier_code = 'bex'`.execute(db);
    const config = await withStoredSettings(readConfig({ CREDENTIALS_KEY: KEY }), test.url);
    expect(readCarriers(config).map(({ code }) => code)).toEqual(["acs"]);
    const { CREDENTIALS_KEY: _, ...keyless } = environment;
    expect(await found(keyless)).toEqual({ acs: given });
  });

  it("stop the start with one line when the key is missing, another, or none at all", async () => {
    await store();
    const missing =
      'CREDENTIALS_KEY: the settings of acs were encrypted with key "default", which is not in it';
    expect(await found({})).toBe(missing);
    expect(await found({ CREDENTIALS_KEY: `other:${KEY}` })).toBe(missing);
    expect(await found({ CREDENTIALS_KEY: NEW_KEY })).toBe(
      'CREDENTIALS_KEY: the settings of acs can\'t be read with key "default": it is another key, or they were altered',
    );
    for (const wrong of ["short", `${KEY},${NEW_KEY}`, `a:${KEY},a:${NEW_KEY}`, `a:${KEY},`, `a b:${KEY}`]) {
      expect(() => credentialsKeys({ CREDENTIALS_KEY: wrong })).toThrow(
        /^CREDENTIALS_KEY: (must be|has two)/,
      );
      expect(() => credentialsKeys({ CREDENTIALS_KEY: wrong })).not.toThrow(wrong);
    }
  });

  it.each(["nonce", "ciphertext"])("are refused when a bit of the %s was altered", async (part) => {
    await store();
    const altered =
      part === "nonce"
        ? sql`nonce = set_bit(nonce, 3, 1 - get_bit(nonce, 3))`
        : sql`ciphertext = set_bit(ciphertext, 40, 1 - get_bit(ciphertext, 40))`;
    await sql`update carrier_credentials set ${altered}`.execute(db);
    expect(await found({ CREDENTIALS_KEY: KEY })).toMatch(/it is another key, or they were altered$/);
  });

  it.each(["carrier_code", "account"])(
    "are nobody else's: swapped by %s they are refused",
    async (column) => {
      await store("acs");
      await sql`update carrier_credentials set ${sql.ref(column)} = 'cj'`.execute(db);
      expect(await found({ CREDENTIALS_KEY: KEY })).toMatch(
        /^CREDENTIALS_KEY: the settings of (cj|acs) can't be read/,
      );
    },
  );

  it("that were set while others are rotated stay as they were set", async () => {
    await store();
    const [old] = await listCredentials(db);
    await store("acs", { ...ACS, billingCode: "2ZZ999999" });
    const sealed = sealSettings(readCredentialsKeys(KEY), { carrier_code: "acs", account: "" }, ACS);
    expect(await replaceCredentials(db, [{ ...sealed, old_nonce: old?.nonce as Buffer }])).toBe(0);
    expect(await found({ CREDENTIALS_KEY: KEY })).toMatchObject({ acs: { billingCode: "2ZZ999999" } });
  });
});

describe("warehouse carriers", () => {
  it("sets, lists, rotates and removes, and never shows what is in it", async () => {
    expect(await carriers(["set", "acs", "--file", file])).toMatchObject({ code: 0 });
    const listed = await carriers(["list"]);
    expect(listed.said).toMatch(/^acs\tdefault\t\d{4}-/);
    const both = `new:${NEW_KEY},default:${KEY}`;
    expect(await carriers(["rotate"], both)).toEqual({ code: 0, said: '1 encrypted with key "new"\n' });
    expect(await found({ CREDENTIALS_KEY: `new:${NEW_KEY}` })).toEqual({ acs: ACS });
    const lost = await carriers(["rotate"]);
    expect(lost).toMatchObject({
      code: 1,
      said: expect.stringMatching(/^warehouse: CREDENTIALS_KEY: .*"new"/),
    });
    expect(await carriers(["remove", "acs"])).toMatchObject({ code: 0 });
    expect(await carriers(["remove", "acs"])).toMatchObject({ code: 1 });
    expect(await listCredentials(db)).toEqual([]);
    expectNoSecret(listed.said + lost.said);
  });

  it("refuses settings that the carrier does not understand, and repeats none of them", async () => {
    writeFileSync(`${file}.wrong`, JSON.stringify({ ...ACS, apiKey: 7 }));
    const wrong = await carriers(["set", "acs", "--file", `${file}.wrong`]);
    expect(wrong).toMatchObject({ code: 1, said: expect.stringMatching(/^warehouse: acs\.apiKey: /) });
    const unknown = await carriers(["set", "pigeon", "--file", file]);
    expect(unknown.said).toMatch(/^warehouse: there is no carrier "pigeon"/);
    const nowhere = await carriers(["set", "acs", "--file", `${file}.nowhere`]);
    expect(nowhere).toMatchObject({
      code: 1,
      said: expect.stringContaining("can't be read, or is not JSON"),
    });
    expectNoSecret(wrong.said + unknown.said + nowhere.said);
    expect(await listCredentials(db)).toEqual([]);
  });
});
