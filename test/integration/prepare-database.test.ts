import { randomUUID } from "node:crypto";
import pg from "pg";
import { pino } from "pino";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { readConfig } from "../../src/config.ts";
import { prepareDatabase } from "../../src/start/schema.ts";
import { inDatabase } from "../support/database.ts";

const name = `wms_empty_${randomUUID().replaceAll("-", "")}`;
let server: pg.Client;

beforeAll(async () => {
  server = new pg.Client({ connectionString: inject("postgres").serverUrl });
  await server.connect();
});
afterAll(async () => {
  await server.query(`drop database if exists ${name} with (force)`);
  await server.end();
});

it("lets several processes bring an empty database up to date at once", async () => {
  const url = inDatabase(inject("postgres").serverUrl, name);
  const silent = pino({ level: "silent" });
  for (let round = 0; round < 3; round++) {
    await server.query(`drop database if exists ${name} with (force)`);
    await server.query(`create database ${name} template template0`);
    const starts = Array.from({ length: 6 }, () => prepareDatabase(url, readConfig({}), silent));
    const outcomes = await Promise.allSettled(starts);
    expect(outcomes.filter(({ status }) => status === "rejected")).toEqual([]);
  }
});
