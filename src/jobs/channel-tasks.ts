import type { Job, TaskList } from "graphile-worker";
import { ChannelError, type Channels, type Marketplace } from "../channels/channel.ts";
import { clearAlert, raiseAlert } from "../db/alerts.ts";
import type { Database } from "../db/database.ts";
import type { Logger } from "../logger.ts";
import { aboutCall } from "../outside/call-context.ts";
import { pollChannel } from "../use-cases/channels/poll-channel.ts";
import { reportParcels } from "../use-cases/channels/report-parcels.ts";

interface ChannelDeps {
  db: Database;
  channels: Channels;
  logger: Logger;
}

/** What is exchanged with marketplaces: their orders come in, and they are told of the parcels. */
export function channelTasks(deps: ChannelDeps): TaskList {
  return {
    poll_channels: async () => {
      const { marketplaces = [] } = deps.channels;
      await Promise.all(marketplaces.map((market) => poll(deps, market)));
    },
    report_parcels: (payload, { job }) => report(deps, payload as { channel: string; order_id: string }, job),
  };
}

/** A marketplace that can't be asked does not keep the others waiting, and is asked again when it is time to. */
async function poll({ db, logger }: ChannelDeps, market: Marketplace): Promise<void> {
  const channel = market.code;
  try {
    const look = () => watchingDenials(db, channel, () => pollChannel(db, market));
    const taken = await aboutCall({ related_id: `channel:${channel}`, attempt: 1 }, look);
    if (taken) logger.info({ channel, taken }, "orders of a marketplace were taken in");
  } catch (error) {
    logger.warn({ err: error, channel }, "a marketplace's orders could not be looked at");
  }
}

async function report(
  { db, channels, logger }: ChannelDeps,
  { channel, order_id }: { channel: string; order_id: string },
  job: Job,
): Promise<void> {
  const market = channels.marketplaces?.find((one) => one.code === channel);
  if (!market) throw new Error(`order ${order_id} is of ${channel}, which CHANNELS does not name here`);
  const about = { related_id: `order:${order_id}`, attempt: job.attempts };
  const tell = () => reportParcels(db, market, BigInt(order_id));
  const outcome = await aboutCall(about, () => watchingDenials(db, channel, tell));
  if (outcome === "refused") logger.warn({ channel, order_id }, "a marketplace refused an order's parcels");
}

const DENIED = "channel_denied";

/** Credentials that are not taken stop everything: one alert tells of it, until they are. Undefined: nobody was asked. */
export async function watchingDenials<T>(db: Database, channel: string, call: () => Promise<T>): Promise<T> {
  try {
    const answer = await call();
    if (answer !== undefined) await clearAlert(db, DENIED, channel);
    return answer;
  } catch (error) {
    if (error instanceof ChannelError && error.denied)
      await raiseAlert(db, {
        name: DENIED,
        key: channel,
        severity: "critical",
        summary: `${channel} does not take our credentials (${error.message.slice(0, 300)})`,
        labels: { channel },
        value: 1,
      });
    throw error;
  }
}
