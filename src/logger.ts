import { type Logger as PinoLogger, pino } from "pino";

export type Logger = PinoLogger;

export const LOG_LEVELS = ["fatal", "error", "warn", "info", "debug", "trace", "silent"] as const;

/** One JSON object a line, on stdout. What could open a door never gets into it. */
export function createLogger(level: (typeof LOG_LEVELS)[number] = "info"): Logger {
  return pino({
    level,
    base: { pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: {
      paths: [
        "authorization",
        "*.authorization",
        "headers.authorization",
        "*.headers.authorization",
        "token",
        "*.password",
      ],
      censor: "[redacted]",
    },
  });
}
