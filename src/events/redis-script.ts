import type { Redis } from "ioredis";
import { answered } from "./redis.ts";

type Run = (...args: (string | number)[]) => Promise<unknown>;

/**
 * A Lua script, which Redis runs as one step: nothing comes between its reads and its writes, and the disk and the
 * replicas get all of its writes or none.
 */
export interface RedisScript {
  name: string;
  lua: string;
}

/** Sends the script once a connection, then only its name. */
export function runScript(
  redis: Redis,
  { name, lua }: RedisScript,
  keys: readonly string[],
  args: readonly (string | number)[],
): Promise<unknown> {
  const commands = redis as unknown as Record<string, Run>;
  if (commands[name] === undefined) redis.defineCommand(name, { lua });
  return answered((commands[name] as Run)(keys.length, ...keys, ...args));
}
