import type { OutsideClient } from "../outside/outside-client.ts";

/** For hosts that say inside a 200 that a token is no longer good: then it counts as the 401 that it is. */
export function withHidden401(client: OutsideClient, saysSo: (body: Buffer) => boolean): OutsideClient {
  return {
    send: async (request) => {
      const answer = await client.send(request);
      return answer.status < 300 && saysSo(answer.body) ? { ...answer, status: 401 } : answer;
    },
  };
}
