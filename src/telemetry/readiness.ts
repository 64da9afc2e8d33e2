/** One thing that must work before this process is sent any work. Throws, or returns a reason, when it does not. */
export type Check = () => Promise<string | undefined> | string | undefined;

export interface Readiness {
  ready: boolean;
  checks: Record<string, { ok: boolean; reason?: string }>;
}

const CHECK_MS = 2_000;

/** Runs the checks side by side, each within its time; callers that come at once share one run. */
export function createReadiness(checks: Record<string, Check>): () => Promise<Readiness> {
  let running: Promise<Readiness> | undefined;
  return () => {
    running ??= runChecks(checks).finally(() => {
      running = undefined;
    });
    return running;
  };
}

async function runChecks(checks: Record<string, Check>): Promise<Readiness> {
  const results = await Promise.all(
    Object.entries(checks).map(async ([name, check]) => {
      const reason = await reasonOf(check);
      return [name, reason === undefined ? { ok: true } : { ok: false, reason }] as const;
    }),
  );
  return { ready: results.every(([, { ok }]) => ok), checks: Object.fromEntries(results) };
}

async function reasonOf(check: Check): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`no answer within ${CHECK_MS} ms`), CHECK_MS);
  });
  try {
    return await Promise.race([check(), late]);
  } catch (error) {
    // A driver's message may hold an address or a user's name, which are nobody's business here.
    return `not reachable (${(error as { code?: string }).code ?? "no connection"})`;
  } finally {
    clearTimeout(timer);
  }
}
