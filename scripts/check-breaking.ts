/** Callers are written against the contract on main, so a change must not break what that one promises. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCommand } from "./run-command.ts";

/** The commit to compare with: of a clone that has no local main, the remote's. */
async function findBaseline(): Promise<string | undefined> {
  for (const ref of ["main", "origin/main"]) {
    const commit = await runCommand(["git", "rev-parse", "--verify", "--quiet", `${ref}^{commit}`]);
    if (commit.code !== 0) continue;
    const files = await runCommand(["git", "ls-tree", "--name-only", ref, "buf.yaml", "proto"]);
    const found = files.output.trim().split("\n");
    if (found.includes("proto") && found.includes("buf.yaml")) return commit.output.trim();
  }
  return undefined;
}

async function checkAgainst(commit: string): Promise<number> {
  const baseline = await mkdtemp(join(tmpdir(), "wms-proto-baseline-"));
  try {
    // An archive, because buf cannot read a linked work tree's .git.
    const archive = join(baseline, "baseline.tar");
    const commands = [
      ["git", "archive", "--output", archive, commit, "buf.yaml", "proto"],
      ["buf", "breaking", "--against", archive],
    ];
    for (const command of commands) {
      const { code, output } = await runCommand(command);
      if (output) console.error(output.trimEnd());
      if (code !== 0) return code;
    }
    return 0;
  } finally {
    await rm(baseline, { recursive: true, force: true });
  }
}

const commit = await findBaseline();
if (commit) process.exitCode = await checkAgainst(commit);
else console.log("skipped: there is no main branch with a contract to compare with");
