import { type Config, ConfigError } from "../config.ts";

/** A port that somebody else has is a setting to change, not a fault of ours. */
export async function listening<T>(
  name: "GRPC_PORT" | "HTTP_PORT" | "METRICS_PORT",
  config: Config,
  start: (port: number) => Promise<T>,
): Promise<T> {
  try {
    return await start(config[name] ?? 0);
  } catch (error) {
    const reason = /EADDRINUSE|EACCES|EADDRNOTAVAIL|ENOTFOUND/.exec(String(error))?.[0];
    if (reason === undefined) throw error;
    throw new ConfigError(
      `${name}: ${config.HOST}:${config[name]} can't be listened on (${reason}); 0 takes a free port`,
    );
  }
}
