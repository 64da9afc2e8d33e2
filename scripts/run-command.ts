import { spawn } from "node:child_process";

export type Outcome = { code: number; output: string };

/** Runs a program of node_modules/.bin, or of the PATH; its output is kept, so that only failures are shown. */
export function runCommand(
  command: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<Outcome> {
  const [program = "", ...args] = command;
  return new Promise((resolve) => {
    // Windows finds the .cmd shims of node_modules/.bin only through a shell.
    const child = spawn(program, args, { env, shell: process.platform === "win32" });
    const chunks: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => chunks.push(chunk));
    child.on("error", (error) => resolve({ code: 127, output: error.message }));
    child.on("close", (code) => resolve({ code: code ?? 1, output: Buffer.concat(chunks).toString("utf8") }));
  });
}
