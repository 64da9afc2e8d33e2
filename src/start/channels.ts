import { ChannelSettingError, readChannelSettings } from "../channels/registry.ts";
import { type Config, ConfigError } from "../config.ts";

/** A wrong setting of a channel stops the start, before anything else is begun. */
export function readChannels({ CHANNELS }: Pick<Config, "CHANNELS">) {
  try {
    return readChannelSettings(CHANNELS);
  } catch (error) {
    if (error instanceof ChannelSettingError) throw new ConfigError(`CHANNELS: ${error.message}`);
    throw error;
  }
}
