import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

export type RedisProgram = { file: string; argv0: string };

/**
 * redis-check-rdb is the server's own program, which looks at the name it was started by. Debian's redis-tools
 * has it without the service that redis-server would start.
 */
const candidates: readonly RedisProgram[] = [
  { file: "redis-server", argv0: "redis-server" },
  { file: "valkey-server", argv0: "valkey-server" },
  { file: "redis-check-rdb", argv0: "redis-server" },
];

function isUsable({ file, argv0 }: RedisProgram): boolean {
  const { status, stdout } = spawnSync(file, ["--version"], { argv0, encoding: "utf8" });
  const major = /\bv=(\d+)/.exec(stdout ?? "")?.[1];
  return status === 0 && Number(major) >= 7;
}

function installWithApt(log: (line: string) => void): void {
  log("no redis-server found: installing redis-tools with apt");
  const apt = (...args: string[]) =>
    execFileSync("env", ["DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", ...args], { stdio: "pipe" });
  apt("update");
  apt("install", "-y", "--no-install-recommends", "redis-tools");
}
const isRoot = () => process.getuid?.() === 0;
const isDebianLike = () => existsSync("/etc/debian_version");

/** A server program of Redis 7 or Valkey; on a Debian-like system, as root, one is installed when there is none. */
export function findRedisProgram(log: (line: string) => void): RedisProgram {
  const present = candidates.find(isUsable);
  if (present) return present;
  if (isRoot() && isDebianLike()) {
    try {
      installWithApt(log);
    } catch (error) {
      log(
        `apt could not install it: ${error instanceof Error ? error.message.split("\n")[0] : String(error)}`,
      );
    }
    const installed = candidates.find(isUsable);
    if (installed) return installed;
  }
  throw new Error(
    "no redis-server 7 or valkey-server on the PATH: install one (apt-get install redis-server, " +
      "brew install redis, dnf install valkey), or set REDIS_URL",
  );
}
