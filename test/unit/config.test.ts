import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readConfig, requireTokenKeys } from "../../src/config.ts";

const SECRET = "s".repeat(32);
const folder = mkdtempSync(join(tmpdir(), "warehouse-config-"));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

function refusal(environment: Record<string, string>): string {
  try {
    readConfig(environment);
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error("the configuration was accepted");
}

describe("readConfig", () => {
  it("has a default for everything", () => {
    expect(readConfig({})).toMatchObject({
      GRPC_PORT: 50_051,
      HTTP_PORT: 8080,
      HOST: "127.0.0.1",
      AUTH: "tokens",
      REFLECTION: "on",
      ROLES: ["grpc", "http", "consumer", "relay", "jobs"],
      DRAIN_SECONDS: 0,
      tls: undefined,
    });
    expect(readConfig({}).DATA_DIR).toMatch(/\/\.data$/);
  });

  it("reads an object store's URL", () => {
    const keys = { AWS_ACCESS_KEY_ID: "id", AWS_SECRET_ACCESS_KEY: "secret" };
    const bucketOf = (LABEL_STORE_URL: string) => readConfig({ LABEL_STORE_URL, ...keys }).labelBucket;
    expect(bucketOf("s3://labels/wms/eu/?region=eu-central-1")).toEqual({
      endpoint: "https://s3.eu-central-1.amazonaws.com",
      region: "eu-central-1",
      bucket: "labels",
      prefix: "wms/eu/",
      credentials: { accessKeyId: "id", secretAccessKey: "secret", sessionToken: undefined },
    });
    expect(bucketOf("s3://labels?endpoint=http://127.0.0.1:9000")).toMatchObject({
      endpoint: "http://127.0.0.1:9000",
      prefix: "",
    });
    expect(readConfig({}).labelBucket).toBeUndefined();
  });

  it("reads where Kafka is", () => {
    expect(readConfig({}).KAFKA_BROKERS).toBeUndefined();
    expect(readConfig({ KAFKA_BROKERS: "kafka-1:9092, 10.0.0.2:9093" })).toMatchObject({
      KAFKA_BROKERS: ["kafka-1:9092", "10.0.0.2:9093"],
      KAFKA_TOPIC: "tracking.updated",
    });
  });

  it("takes an empty value for none", () => {
    expect(readConfig({ DATABASE_URL: "", GRPC_PORT: "", AUTH: "" })).toMatchObject({
      AUTH: "tokens",
      GRPC_PORT: 50_051,
    });
  });

  it.each<[Record<string, string>, RegExp]>([
    [{ GRPC_PORT: "abc" }, /^GRPC_PORT: must be a whole number from 0 to 65535$/],
    [{ HTTP_PORT: "70000" }, /^HTTP_PORT: .* 0 to 65535$/],
    [{ HTTP_PORT: "-1" }, /^HTTP_PORT: /],
    [{ GRPC_PORT: "80.5" }, /^GRPC_PORT: /],
    [{ AUTH: "off" }, /^AUTH: must be one of tokens, none$/],
    [{ AUTH_SECRET: "short" }, /^AUTH_SECRET: must have at least 32 characters$/],
    [{ AUTH_JWKS: "/nowhere/keys.json" }, /^AUTH_JWKS: \/nowhere\/keys.json can't be read \(ENOENT\)$/],
    [{ AUTH_JWKS: file("keys.json", "{}") }, /^AUTH_JWKS: must be a URL, or a file with a JSON Web Key Set/],
    [{ DATABASE_URL: "mysql://here/db" }, /^DATABASE_URL: must be a URL that begins with postgres:\/\//],
    [{ REDIS_URL: "here:6379" }, /^REDIS_URL: must be a URL that begins with redis:\/\//],
    [{ LISTINGS_URL: "listings" }, /^LISTINGS_URL: must be a URL that begins with http:\/\//],
    [
      { KAFKA_BROKERS: "kafka-1:9092;kafka-2:9092" },
      /^KAFKA_BROKERS: must be a list such as kafka-1\.example:9092/,
    ],
    [{ KAFKA_BROKERS: "kafka-1" }, /^KAFKA_BROKERS: must be a list/],
    [{ KAFKA_TOPIC: "tracking/updated" }, /^KAFKA_TOPIC: must be a topic of letters/],
    [{ LABEL_STORE_URL: "https://bucket/x" }, /^LABEL_STORE_URL: must be a URL that begins with s3:\/\//],
    [{ LABEL_STORE_URL: "s3://labels?endpoint=minio" }, /^LABEL_STORE_URL: must be such as s3:\/\/bucket/],
    [{ LABEL_STORE_URL: "s3://labels" }, /^LABEL_STORE_URL: needs AWS_ACCESS_KEY_ID and/],
    [{ REFLECTION: "no" }, /^REFLECTION: must be one of on, off$/],
    [{ ROLES: "grpc,web" }, /^ROLES: must be a list of grpc, http, consumer, relay, jobs$/],
    [{ LOG_LEVEL: "loud" }, /^LOG_LEVEL: must be one of fatal, /],
    [{ TRACKING_POLL_SECONDS: "0" }, /^TRACKING_POLL_SECONDS: must be a number from 0.1 to 86400$/],
    [{ MOCK_CARRIER_SPEED: "fast" }, /^MOCK_CARRIER_SPEED: must be a number from 1 to 1000000$/],
    [{ TLS_CERT: "/c.pem" }, /^TLS_KEY: /],
    [{ TLS_KEY: "/k.pem" }, /^TLS_CERT: /],
    [{ TLS_CLIENT_CA: "/ca.pem" }, /^TLS_CLIENT_CA: /],
    [{ TLS_CERT: file("c.txt", "no"), TLS_KEY: "/k.pem" }, /^TLS_CERT: .*c.txt is not a PEM file$/],
  ])("refuses %o with one line that names it", (environment, message) => {
    expect(refusal(environment)).toMatch(message);
    expect(refusal(environment)).not.toContain("\n");
  });

  it("reads TLS files and a key set", () => {
    const { publicKey, privateKey } = generateKeyPairSync("ed25519");
    const pem = file("key.pem", privateKey.export({ type: "pkcs8", format: "pem" }).toString());
    const keys = file("jwks.json", JSON.stringify({ keys: [publicKey.export({ format: "jwk" })] }));
    const config = readConfig({ TLS_CERT: pem, TLS_KEY: pem, AUTH_JWKS: keys });
    expect(config.tls?.key.toString()).toContain("PRIVATE KEY");
  });

  it("waits for load balancers only where there can be some", () => {
    expect(readConfig({ DATABASE_URL: "postgres://db/wms" }).DRAIN_SECONDS).toBe(5);
    expect(readConfig({ DATABASE_URL: "postgres://db/wms", DRAIN_SECONDS: "0" }).DRAIN_SECONDS).toBe(0);
  });
});

describe("requireTokenKeys", () => {
  const database = { DATABASE_URL: "postgres://db/wms" };

  it("refuses to make up a secret for a database that others use too", () => {
    expect(() => requireTokenKeys(readConfig(database))).toThrow(/^AUTH_SECRET: /);
  });

  it("is content with a secret, without tokens, or with the private database", () => {
    for (const environment of [{ ...database, AUTH_SECRET: SECRET }, { ...database, AUTH: "none" }, {}])
      expect(() => requireTokenKeys(readConfig(environment))).not.toThrow();
  });

  it("reads carriers' settings from JSON or from a file, and never repeats what they hold", () => {
    const settings = { fedex: { apiKey: "k3y-of-mine" } };
    expect(readConfig({}).CARRIERS).toEqual({});
    expect(readConfig({ CARRIERS: JSON.stringify(settings) }).CARRIERS).toEqual(settings);
    const path = file("carriers.json", JSON.stringify(settings));
    expect(readConfig({ CARRIERS: path }).CARRIERS).toEqual(settings);
    expect(refusal({ CARRIERS: "/no/such/carriers.json" })).toBe(
      "CARRIERS: /no/such/carriers.json can't be read (ENOENT)",
    );
    const broken = [
      '{"fedex": {"apiKey": "k3y-of-mine"}',
      '["k3y-of-mine"]',
      "fedex:\n  apiKey: k3y-of-mine",
    ];
    for (const given of [...broken, file("broken.json", broken[0] as string)]) {
      expect(refusal({ CARRIERS: given })).toMatch(/^CARRIERS: must be JSON such as/);
      expect(refusal({ CARRIERS: given })).not.toContain("k3y");
    }
  });
});
