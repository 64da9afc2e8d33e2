import { currentCall } from "../../outside/call-context.ts";
import type { OutsideCall } from "../../outside/outside-client.ts";
import { redactCall } from "../../outside/redact-call.ts";
import type { Carrier } from "../carrier.ts";

/**
 * A simulation calls nobody. What it sells and takes back is put on record all the same, as a real carrier's would be,
 * under its own name and with no status of HTTP.
 */
export function recordedMock(mock: Carrier, record: (call: OutsideCall) => Promise<void>): Carrier {
  return {
    ...mock,
    createLabel: async (request) => {
      const purchase = await mock.createLabel(request);
      const labels = purchase.labels.map(({ sequence_number, tracking_number, format }) => ({
        sequence_number,
        tracking_number,
        format,
      }));
      await record(callOf(mock.code, "create_label", request, { labels }));
      return purchase;
    },
    voidLabel: async (label) => {
      await mock.voidLabel?.(label);
      await record(callOf(mock.code, "void_label", label, {}));
    },
  };
}

function callOf(service: string, endpoint: string, said: object, answered: object): OutsideCall {
  const redacted = redactCall({
    method: "SIMULATED",
    path: `/${endpoint}`,
    headers: {},
    body: JSON.stringify(said),
    answer: { body: Buffer.from(JSON.stringify(answered)), type: "application/json" },
    secrets: [],
  });
  const { related_id, attempt } = currentCall();
  const outcome = { status_code: null, is_success: true, duration_ms: 0 };
  return { service, endpoint, related_id, attempt, ...redacted, ...outcome };
}
