import { type Command, Option } from "commander";
import { ownSecret } from "../auth-secret.ts";
import { ConfigError, readConfig, requireTokenKeys } from "../config.ts";
import { ROLES } from "../domain/ownership.ts";
import { issueToken } from "../rpc/issue-token.ts";

export function registerToken(program: Command): void {
  const token = program.command("token").description("bearer tokens for the RPCs");
  token
    .command("issue")
    .description("print a token, signed with AUTH_SECRET or the data directory's own secret")
    .addOption(new Option("--role <role>", "what its bearer may do").choices(ROLES).makeOptionMandatory())
    .option("--worker-id <id>", "for the role worker: whose tasks are his own")
    .option("--subject <name>", "who the bearer is; request ids are unique to it")
    .option("--expires <time>", "how long it is good for, such as 12h or 30d", "12h")
    .action(issue);
}

async function issue(options: {
  role: (typeof ROLES)[number];
  workerId?: string;
  subject?: string;
  expires: string;
}) {
  const config = readConfig();
  const { role, workerId, expires } = options;
  if ((role === "worker") !== (workerId !== undefined))
    throw new ConfigError("--worker-id: goes with --role worker, and only with it");
  if (workerId !== undefined && !/^[1-9]\d{0,18}$/.test(workerId))
    throw new ConfigError("--worker-id: must be a positive id");
  if (!/^\d+ ?[smhdwy]$/.test(expires)) throw new ConfigError("--expires: must be a time such as 12h or 30d");
  requireTokenKeys(config);
  if (config.AUTH_JWKS && !config.AUTH_SECRET)
    throw new ConfigError(
      "AUTH_SECRET: with AUTH_JWKS alone, whoever keeps its private key makes the tokens",
    );
  const secret = config.AUTH_SECRET ?? (await ownSecret(config.DATA_DIR));
  const subject = options.subject ?? (workerId === undefined ? role : `worker-${workerId}`);
  console.log(
    await issueToken(secret, { subject, role, expires, ...(workerId ? { workerId: BigInt(workerId) } : {}) }),
  );
}
