#!/usr/bin/env node
// Plain JavaScript, so that any Node can read it: an older one hands over to the runtime that npm has installed.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import * as module from "node:module";
import { constants } from "node:os";
import { fileURLToPath } from "node:url";

const NEEDED = 24;

if (Number(process.versions.node.split(".")[0]) >= NEEDED) {
  module.enableCompileCache(); // a third of what a short command takes
  await import("./cli.ts");
} else {
  const pinned = fileURLToPath(new URL("../../node_modules/node/bin/node", import.meta.url));
  if (!existsSync(pinned)) {
    console.error(
      `warehouse needs Node ${NEEDED} or newer, this is ${process.version}: run npm ci, which installs one`,
    );
    process.exit(1);
  }
  // The channel is a lifeline: when this process is killed, it closes, and the child goes down by itself.
  const child = spawn(pinned, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: ["inherit", "inherit", "inherit", "ipc"],
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("exit", (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
}
