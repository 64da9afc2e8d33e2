import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { CARRIER_HOSTS } from "../../support/carrier-hosts/all-hosts.ts";

const PROGRAM = fileURLToPath(new URL("../../support/carrier-hosts/all-hosts.ts", import.meta.url));

it("one program serves every carrier's host, and each refuses who it doesn't know in its own words", async () => {
  const program = spawn(process.execPath, [PROGRAM], { stdio: ["ignore", "pipe", "inherit"] });
  const urls = new Map<string, string>();
  for await (const line of createInterface({ input: program.stdout })) {
    const [code = "", url = ""] = line.split(" ");
    urls.set(code, url);
    if (urls.size === Object.keys(CARRIER_HOSTS).length) break;
  }
  expect([...urls.keys()].toSorted()).toEqual(Object.keys(CARRIER_HOSTS).toSorted());
  const answers = [...urls.values()].map((url) => fetch(new URL("/nowhere", url)));
  for (const answer of await Promise.all(answers)) {
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(await answer.text()).not.toBe("");
  }
  program.kill();
  await once(program, "exit");
});
