import { startAcsHost } from "./acs-host.ts";
import { startBexHost } from "./bex-host.ts";
import { startCanadaPostHost } from "./canada-post-host.ts";
import { startCjHost } from "./cj-host.ts";
import { startDExpressHost } from "./d-express-host.ts";
import { startDeliveryServiceHost } from "./delivery-service-host.ts";
import { startFedexHost } from "./fedex-host.ts";
import type { RunningHost } from "./host.ts";
import { startLotteHost } from "./lotte-host.ts";
import { startPostExpressHost } from "./post-express-host.ts";
import { startUpsHost } from "./ups-host.ts";
import { startUspsHost } from "./usps-host.ts";
import { startYunExpressHost } from "./yun-express-host.ts";

/** Every simulated carrier, by the code of the carrier; each host's own file says what it can do. */
export const CARRIER_HOSTS: Readonly<Record<string, () => Promise<RunningHost>>> = {
  acs: startAcsHost,
  bex: startBexHost,
  canada_post: startCanadaPostHost,
  cj: startCjHost,
  d_express: startDExpressHost,
  delivery_service: startDeliveryServiceHost,
  fedex: startFedexHost,
  lotte: startLotteHost,
  post_express: startPostExpressHost,
  ups: startUpsHost,
  usps: startUspsHost,
  yun_express: startYunExpressHost,
};

export async function startAllHosts(): Promise<Map<string, RunningHost>> {
  const started = Object.entries(CARRIER_HOSTS).map(async ([code, start]) => [code, await start()] as const);
  return new Map(await Promise.all(started));
}

// Started as a program, it says where each of them is and goes on until it is interrupted.
if (import.meta.main)
  for (const [code, { url }] of await startAllHosts()) process.stdout.write(`${code} ${url}\n`);
