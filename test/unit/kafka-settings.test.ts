import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readConfig } from "../../src/config.ts";

const folder = mkdtempSync(join(tmpdir(), "kafka-settings-"));
const PEM = "-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----\n";

function file(name: string, content: string): string {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
}

const BROKERS = { KAFKA_BROKERS: "kafka-1:9093" };
const ca = file("ca.pem", PEM);
const SCRAM = {
  KAFKA_SASL_MECHANISM: "SCRAM-SHA-512",
  KAFKA_SASL_USERNAME: "wms",
  KAFKA_SASL_PASSWORD: "s3cret-word",
};

const kafkaOf = (more: Record<string, string>) => readConfig({ ...BROKERS, ...more }).kafka;

describe("Kafka's settings", () => {
  it("are plain TCP and no name, where nothing else is said", () => {
    expect(readConfig({}).kafka).toBeUndefined();
    expect(kafkaOf({})).toEqual({ brokers: ["kafka-1:9093"], topic: "tracking.updated" });
  });

  it("encrypt with the authorities that every system knows, or with one's own", () => {
    expect(kafkaOf({ KAFKA_TLS: "on" })?.tls).toEqual({});
    expect(kafkaOf({ KAFKA_TLS_CA: ca })?.tls).toEqual({ ca: Buffer.from(PEM) });
    const pair = { KAFKA_TLS_CERT: ca, KAFKA_TLS_KEY: ca };
    expect(kafkaOf(pair)?.tls).toEqual({ cert: Buffer.from(PEM), key: Buffer.from(PEM) });
    expect(kafkaOf({ KAFKA_TLS: "off" })?.tls).toBeUndefined();
  });

  it("show a name and a password, PLAIN only where it is said who may see it", () => {
    const plain = { ...SCRAM, KAFKA_SASL_MECHANISM: "PLAIN" };
    const shown = { username: "wms", password: "s3cret-word" };
    expect(kafkaOf(SCRAM)?.sasl).toEqual({ mechanism: "SCRAM-SHA-512", ...shown });
    expect(kafkaOf({ ...plain, KAFKA_TLS: "on" })?.sasl).toEqual({ mechanism: "PLAIN", ...shown });
    expect(kafkaOf({ ...plain, KAFKA_TLS: "off" })?.sasl).toEqual({ mechanism: "PLAIN", ...shown });
    expect(() => kafkaOf(plain)).toThrow(/^KAFKA_TLS: must be on with KAFKA_SASL_MECHANISM=PLAIN/);
  });

  it.each<[Record<string, string>, RegExp]>([
    [{ KAFKA_TLS: "yes" }, /^KAFKA_TLS: must be one of on, off$/],
    [{ KAFKA_TLS_CA: "/no/such.pem" }, /^KAFKA_TLS_CA: \/no\/such\.pem can't be read/],
    [{ KAFKA_TLS_CA: file("x.txt", "no") }, /^KAFKA_TLS_CA: .*x\.txt is not a PEM file$/],
    [{ KAFKA_TLS: "off", KAFKA_TLS_CA: ca }, /^KAFKA_TLS_CA: is not used while KAFKA_TLS is off$/],
    [{ KAFKA_TLS_CERT: ca }, /^KAFKA_TLS_KEY: is needed with KAFKA_TLS_CERT$/],
    [{ KAFKA_TLS_KEY: ca }, /^KAFKA_TLS_CERT: is needed with KAFKA_TLS_KEY$/],
    [{ KAFKA_SASL_MECHANISM: "GSSAPI" }, /^KAFKA_SASL_MECHANISM: must be one of PLAIN, SCRAM-SHA-256, /],
    [{ ...SCRAM, KAFKA_SASL_USERNAME: "" }, /^KAFKA_SASL_USERNAME: is needed with KAFKA_SASL_MECHANISM$/],
    [{ ...SCRAM, KAFKA_SASL_PASSWORD: "" }, /^KAFKA_SASL_PASSWORD: is needed with KAFKA_SASL_MECHANISM$/],
    [{ ...SCRAM, KAFKA_SASL_MECHANISM: "" }, /^KAFKA_SASL_MECHANISM: is needed with KAFKA_SASL_USERNAME$/],
    [{ KAFKA_BROKERS: "", KAFKA_TLS: "on" }, /^KAFKA_TLS: means nothing without KAFKA_BROKERS$/],
    [{ ...SCRAM, KAFKA_BROKERS: "" }, /^KAFKA_SASL_MECHANISM: means nothing without KAFKA_BROKERS$/],
  ])("that are wrong are named, and never repeated: %o", (more, problem) => {
    expect(() => kafkaOf(more)).toThrow(problem);
    expect(() => kafkaOf(more)).not.toThrow(/s3cret-word/);
  });
});
