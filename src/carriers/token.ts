export interface FreshToken<T> {
  value: T;
  expiresInSeconds: number;
}

/** Something that a host gives for our credentials and takes for a while. It is kept in memory only. */
export interface Token<T = string> {
  get(): Promise<T>;
  /** After the host refused `used`: a new one, unless somebody else has fetched one since. */
  renew(used: T): Promise<T>;
}

/** So long before its end a token is no longer used: the call has to arrive, and clocks differ. */
const MARGIN_SECONDS = 60;

/** Whoever asks while it is being fetched waits for the same fetch: token endpoints are throttled. */
export function createToken<T = string>(fetchToken: () => Promise<FreshToken<T>>, now: () => Date): Token<T> {
  let held: { value: T; usableUntil: number } | undefined;
  let fetching: Promise<T> | undefined;
  const fetchOnce = () => {
    fetching ??= fetchToken()
      .then(({ value, expiresInSeconds }) => {
        const margin = Math.min(MARGIN_SECONDS, expiresInSeconds / 10);
        held = { value, usableUntil: now().getTime() + (expiresInSeconds - margin) * 1000 };
        return value;
      })
      .finally(() => {
        fetching = undefined;
      });
    return fetching;
  };
  const usable = () => (held && now().getTime() < held.usableUntil ? held : undefined);
  return {
    get: async () => usable()?.value ?? fetchOnce(),
    renew: async (used) => {
      if (held?.value === used) held = undefined;
      return usable()?.value ?? fetchOnce();
    },
  };
}
