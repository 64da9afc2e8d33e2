import { z } from "zod";

/** The address of somebody's host in settings; paths are relative to it, so it ends with a slash. */
export const hostAddressSchema = z
  .url({ protocol: /^https?$/, error: "must be a URL that begins with http:// or https://" })
  .transform((url) => (url.endsWith("/") ? url : `${url}/`));

/** The same for a carrier, whose address everybody knows. */
export function hostUrl(live: string) {
  return hostAddressSchema.default(live.endsWith("/") ? live : `${live}/`);
}
