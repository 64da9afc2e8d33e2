import { readFileSync } from "node:fs";
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  errors,
  type JWTPayload,
  type JWTVerifyGetKey,
  jwtVerify,
} from "jose";
import { z } from "zod";
import { DomainError, unavailable } from "../domain/errors.ts";
import { ROLES, type Role } from "../domain/ownership.ts";

export const ISSUER = "warehouse";
export const AUDIENCE = "wms.v1";
const ASYMMETRIC = [
  "EdDSA",
  "Ed25519",
  "ES256",
  "ES384",
  "ES512",
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
];
/** A verified token is believed this long, so that a key that was taken back stops working soon. */
const TRUST_MS = 60_000;
const MAX_TRUSTED = 10_000;
const CLOCK_TOLERANCE_SECONDS = 5;

export interface Principal {
  principal: string;
  role: Role;
  workerId?: bigint | undefined;
}

/** Who calls, by the `authorization` header; throws UNAUTHENTICATED. Answers at once for a token that it knows. */
export type Authenticate = (authorization: string | undefined) => Principal | Promise<Principal>;

export interface AuthOptions {
  mode: "tokens" | "none";
  /** For HS256. */
  secret?: string | undefined;
  /** For public keys: a URL or a file with a JSON Web Key Set. */
  jwks?: string | undefined;
}

const workerId = z
  .union([z.string().regex(/^[1-9]\d{0,18}$/), z.int().positive()])
  .transform((value) => BigInt(value))
  .refine((value) => value < 2n ** 63n);

const claimsSchema = z.object({
  sub: z.string().min(1).max(255),
  role: z.enum(ROLES),
  worker_id: workerId.optional(),
  exp: z.number(),
});

export function createAuthenticator(options: AuthOptions): Authenticate {
  if (options.mode === "none") return () => ({ principal: "anonymous", role: "admin" });
  const keys = keysOf(options);
  const trusted = new Map<string, { who: Principal; until: number }>();
  return (authorization) => {
    const token = bearerOf(authorization);
    const known = trusted.get(token);
    if (known && known.until > Date.now()) return known.who;
    return verify(token, keys).then(({ who, expiresAt }) => {
      if (trusted.size >= MAX_TRUSTED) trusted.clear();
      trusted.set(token, { who, until: Math.min(expiresAt, Date.now() + TRUST_MS) });
      return who;
    });
  };
}

interface Keys {
  algorithms: string[];
  find: JWTVerifyGetKey;
}

/** Algorithms are pinned by what was configured, never by what a token claims. */
function keysOf({ secret, jwks }: AuthOptions): Keys {
  const shared = secret === undefined ? undefined : new TextEncoder().encode(secret);
  const published = jwks === undefined ? undefined : keySet(jwks);
  return {
    algorithms: [...(shared ? ["HS256"] : []), ...(published ? ASYMMETRIC : [])],
    find: (header, token) => {
      if (header.alg === "HS256" && shared) return shared;
      if (header.alg !== "HS256" && published) return published(header, token);
      throw new errors.JOSEAlgNotAllowed(`no key for ${header.alg}`);
    },
  };
}

function keySet(source: string): JWTVerifyGetKey {
  if (/^https?:/.test(source)) return createRemoteJWKSet(new URL(source));
  return createLocalJWKSet(JSON.parse(readFileSync(source, "utf8")));
}

function bearerOf(authorization: string | undefined): string {
  if (!authorization) throw refuse("missing", 'the "authorization" header is missing: send "Bearer <token>"');
  const token = /^bearer +([\w-]+\.[\w-]*\.[\w-]*)$/i.exec(authorization.trim())?.[1];
  if (token === undefined)
    throw refuse("malformed", 'the "authorization" header is not "Bearer <token>" with a JSON Web Token');
  return token;
}

async function verify(token: string, keys: Keys): Promise<{ who: Principal; expiresAt: number }> {
  const payload = await verifiedPayload(token, keys);
  const claims = claimsSchema.safeParse(payload);
  if (!claims.success) {
    const claim = String(claims.error.issues[0]?.path[0] ?? "sub");
    throw refuse("claim", `the token's claim "${claim}" is missing or wrong`, { claim });
  }
  const { sub, role, worker_id, exp } = claims.data;
  if (role === "worker" && worker_id === undefined)
    throw refuse("claim", 'a worker\'s token needs the claim "worker_id"', { claim: "worker_id" });
  return { who: { principal: sub, role, workerId: worker_id }, expiresAt: exp * 1000 };
}

async function verifiedPayload(token: string, keys: Keys): Promise<JWTPayload> {
  try {
    const { payload } = await jwtVerify(token, keys.find, {
      algorithms: keys.algorithms,
      issuer: ISSUER,
      audience: AUDIENCE,
      requiredClaims: ["exp", "sub"],
      clockTolerance: CLOCK_TOLERANCE_SECONDS,
    });
    return payload;
  } catch (error) {
    throw explain(error, keys);
  }
}

/** Tells a human what is wrong with the token, and an attacker nothing that the token didn't say. */
function explain(error: unknown, keys: Keys): DomainError {
  if (error instanceof errors.JWTExpired)
    return refuse("expired", `the token has expired at ${timeOf(error.payload.exp)}: get a new one`);
  if (error instanceof errors.JWTClaimValidationFailed)
    return refuse("claim", claimProblem(error), { claim: error.claim });
  if (error instanceof errors.JOSEAlgNotAllowed)
    return refuse(
      "algorithm",
      `the token's algorithm is not accepted here; accepted: ${keys.algorithms.join(", ")}`,
    );
  if (error instanceof errors.JWSSignatureVerificationFailed || error instanceof errors.JWKSNoMatchingKey)
    return refuse("signature", "the token was not signed with a key that this service trusts");
  if (error instanceof errors.JWSInvalid || error instanceof errors.JWTInvalid)
    return refuse("malformed", "the token is not a well-formed JSON Web Token");
  return unavailable("the keys that tokens are checked with can't be fetched", error);
}

function claimProblem({ claim, reason }: errors.JWTClaimValidationFailed): string {
  if (claim === "iss") return `the token's issuer ("iss") must be "${ISSUER}"`;
  if (claim === "aud") return `the token's audience ("aud") must be "${AUDIENCE}"`;
  if (claim === "nbf") return 'the token is not valid yet ("nbf")';
  return `the token's claim "${claim}" is ${reason === "missing" ? "missing" : "wrong"}`;
}

function timeOf(seconds: unknown): string {
  const time = new Date(typeof seconds === "number" ? seconds * 1000 : Number.NaN);
  return Number.isNaN(time.getTime()) ? "a time long past" : time.toISOString();
}

function refuse(cause: string, message: string, metadata: Record<string, string> = {}): DomainError {
  return new DomainError("UNAUTHENTICATED", message, { cause, ...metadata });
}
