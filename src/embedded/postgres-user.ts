import { execFileSync, spawnSync } from "node:child_process";
import { statSync } from "node:fs";

/** Undefined: Postgres runs as whoever runs us. */
export type RunAs = { uid: number; gid: number } | undefined;

function lookUp(name: string): RunAs {
  const [uid, gid] = ["-u", "-g"].map((flag) => {
    const { stdout, status } = spawnSync("id", [flag, name], { encoding: "utf8" });
    return status === 0 ? Number(stdout) : Number.NaN;
  });
  return uid !== undefined && gid !== undefined && uid > 0 ? { uid, gid } : undefined;
}

/**
 * Postgres refuses to run as root, so root needs another user for it: the one the data belongs to already,
 * else the system's `postgres`, else one made now.
 */
export function choosePostgresUser(existingData: string | undefined, log: (line: string) => void): RunAs {
  if (process.getuid?.() !== 0) return undefined;
  const owner = existingData ? statSync(existingData, { throwIfNoEntry: false }) : undefined;
  if (owner && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  const present = lookUp("postgres");
  if (present) return present;
  log("Postgres does not run as root: creating the system user postgres for it");
  try {
    execFileSync("useradd", ["--system", "--user-group", "--shell", "/usr/sbin/nologin", "postgres"]);
  } catch (error) {
    throw new Error("cannot create a user for Postgres; set DATABASE_URL, or do not run as root", {
      cause: error,
    });
  }
  return lookUp("postgres");
}

/** Asks the kernel on behalf of that user, which knows more than the mode bits do. */
export function canReach(user: RunAs, path: string, access: "-r" | "-x"): boolean {
  return user === undefined || spawnSync("test", [access, path], user).status === 0;
}
