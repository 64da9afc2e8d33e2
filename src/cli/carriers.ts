import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { type CredentialsKeys, openSettings, sealSettings } from "../carriers/credentials.ts";
import { CarrierSettingError, readCarrierSettings } from "../carriers/known-carriers.ts";
import { type Config, ConfigError } from "../config.ts";
import {
  deleteCredential,
  listCredentials,
  replaceCredentials,
  upsertCredential,
} from "../db/credentials.ts";
import { credentialsKeys, namingKey } from "../start/stored-settings.ts";
import { registerCloseDay } from "./close-day.ts";
import { withDatabase } from "./with-database.ts";

/** The port knows one account a carrier. */
const ACCOUNT = "";

export function registerCarriers(program: Command): void {
  const carriers = program
    .command("carriers")
    .description(
      "carriers' settings in the database, encrypted (those of CARRIERS come first), and their days' ends",
    );
  carriers
    .command("set <code>")
    .description("check and store a carrier's settings; services that start from now on use them")
    .requiredOption("--file <path>", "a JSON file with what CARRIERS has under the code")
    .action((code: string, { file }: { file: string }) => set(code, readSettings(code, file)));
  carriers
    .command("list")
    .description("a line each: code, key, when it was set; never what is in it")
    .action(list);
  carriers.command("remove <code>").description("forget a carrier's settings").action(remove);
  carriers
    .command("rotate")
    .description("encrypt everything with the first key of CREDENTIALS_KEY")
    .action(rotate);
  registerCloseDay(carriers);
}

/** Of what is wrong with it, nothing is repeated. */
function readSettings(code: string, file: string): unknown {
  let settings: unknown;
  try {
    settings = JSON.parse(readFileSync(file, "utf8"));
  } catch {
    throw new ConfigError(`${file} can't be read, or is not JSON`);
  }
  try {
    readCarrierSettings({ [code]: settings });
  } catch (error) {
    if (error instanceof CarrierSettingError) throw new ConfigError(error.message);
    throw error;
  }
  return settings;
}

function set(carrier_code: string, settings: unknown): Promise<void> {
  return withDatabase(async (db, _url, config) => {
    const sealed = sealSettings(requiredKeys(config), { carrier_code, account: ACCOUNT }, settings);
    await upsertCredential(db, sealed);
    console.log(`the settings of ${carrier_code} are stored, encrypted with key "${sealed.key_id}"`);
  });
}

function list(): Promise<void> {
  return withDatabase(async (db) => {
    for (const { carrier_code, key_id, updated_at } of await listCredentials(db))
      console.log([carrier_code, key_id, updated_at.toISOString()].join("\t"));
  });
}

function remove(carrier_code: string): Promise<void> {
  return withDatabase(async (db) => {
    if (!(await deleteCredential(db, carrier_code)))
      throw new ConfigError(`the database has no settings of "${carrier_code.slice(0, 40)}"`);
    console.log(`the settings of ${carrier_code} are forgotten`);
  });
}

function rotate(): Promise<void> {
  return withDatabase(async (db, _url, config) => {
    const keys = requiredKeys(config);
    const rows = await listCredentials(db);
    const sealed = namingKey(() =>
      rows.map((row) => ({ ...sealSettings(keys, row, openSettings(keys, row)), old_nonce: row.nonce })),
    );
    const count = await replaceCredentials(db, sealed);
    if (count < rows.length)
      throw new ConfigError(`${rows.length - count} were changed meanwhile: run it again`);
    console.log(`${count} encrypted with key "${keys[0].id}"`);
  });
}

function requiredKeys(config: Config): CredentialsKeys {
  const keys = credentialsKeys(config);
  if (keys) return keys;
  throw new ConfigError("CREDENTIALS_KEY: is needed: 32 random bytes in base64");
}
