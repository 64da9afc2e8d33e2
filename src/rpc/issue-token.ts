import { SignJWT } from "jose";
import type { Role } from "../domain/ownership.ts";
import { AUDIENCE, ISSUER } from "./auth.ts";

export interface TokenRequest {
  subject: string;
  role: Role;
  workerId?: bigint | undefined;
  /** Such as `12h`. */
  expires: string;
}

/** A token that `createAuthenticator` with the same secret accepts. */
export function issueToken(
  secret: string,
  { subject, role, workerId: id, expires }: TokenRequest,
): Promise<string> {
  return new SignJWT({ role, ...(id === undefined ? {} : { worker_id: String(id) }) })
    .setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .setSubject(subject)
    .setIssuer(ISSUER)
    .setAudience(AUDIENCE)
    .setIssuedAt()
    .setExpirationTime(expires)
    .sign(new TextEncoder().encode(secret));
}
