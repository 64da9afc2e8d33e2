import { link, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { identify, isAlive, parseIdentity } from "./process-identity.ts";

/** Written aside and linked into place: the file appears whole, and only where there was none. */
async function tryClaim(file: string): Promise<boolean> {
  const mine = `${file}.${process.pid}`;
  await writeFile(mine, JSON.stringify(identify(process.pid)), { mode: 0o600 });
  try {
    await link(mine, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    return false;
  } finally {
    await rm(mine, { force: true });
  }
}

/** Takes the dead owner's file away, unless somebody was quicker and it is no longer the one we read. */
async function removeStale(file: string, seen: string): Promise<void> {
  const aside = `${file}.stale.${process.pid}`;
  try {
    await rename(file, aside);
    if ((await readFile(aside, "utf8")) !== seen) await link(aside, file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT" && code !== "EEXIST") throw error;
  } finally {
    await rm(aside, { force: true });
  }
}

/**
 * One process at a time owns a data directory. The claim of a process that has died does not count.
 * Returns the function that gives the claim up.
 */
export async function claimDataDir(dataDir: string): Promise<() => Promise<void>> {
  const file = join(dataDir, "owner.json");
  for (let attempt = 0; attempt < 3; attempt += 1) {
    if (await tryClaim(file)) return () => rm(file, { force: true });
    const seen = await readFile(file, "utf8").catch(() => undefined);
    if (seen === undefined) continue;
    const owner = parseIdentity(seen);
    if (owner && isAlive(owner)) throw new Error(`${dataDir} is in use by process ${owner.pid}`);
    await removeStale(file, seen);
  }
  throw new Error(`${dataDir} is being claimed by several processes at once`);
}
