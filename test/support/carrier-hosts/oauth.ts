import type { HostRequest } from "./http-messages.ts";

/** Tokens that a simulated host has given out; those it no longer takes are as good as expired. */
export interface GivenTokens {
  give(seconds: number): string;
  /** Every token that is out no longer counts. */
  expire(): void;
  isGood(request: HostRequest): boolean;
  given(): number;
}

export function createGivenTokens(prefix: string): GivenTokens {
  const good = new Set<string>();
  let count = 0;
  return {
    give() {
      count += 1;
      const token = `${prefix}-token-${count}-${"x".repeat(24)}`;
      good.add(token);
      return token;
    },
    expire: () => good.clear(),
    isGood: ({ headers }) => good.has((headers["authorization"] ?? "").replace(/^Bearer /, "")),
    given: () => count,
  };
}

/** What is wrong with HTTP Basic credentials; undefined: nothing. */
export function hasBasic({ headers }: HostRequest, user: string, password: string): boolean {
  return headers["authorization"] === `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
}
