import type { BoughtLabel, Carrier, LabelPurchase, LabelRequest } from "../../carriers/carrier.ts";
import type { PurchaseVerdict } from "../../domain/label-purchase.ts";

/** Whatever went wrong, something may have been bought by an earlier call. */
class StillInDoubt extends Error {
  readonly retryAfterSeconds: number | null;

  constructor(cause: unknown) {
    super(String(cause), { cause });
    this.name = "StillInDoubt";
    this.retryAfterSeconds = secondsToWait(cause);
  }
}

/**
 * Buys a label for each box, or what is still missing of them after a look-up. Everything that it throws is judged by
 * `verdictOf`.
 */
export async function purchaseLabels(
  carrier: Carrier,
  request: LabelRequest,
  look_up: boolean,
): Promise<LabelPurchase> {
  const found = look_up ? await inDoubt(lookUp(carrier, request)) : undefined;
  if (!found) return checked(request, await carrier.createLabel(request));
  const known = new Set(found.labels.map((label) => label.sequence_number));
  const packages = request.packages.filter((box) => !known.has(box.sequence_number));
  if (packages.length === 0) return checked(request, found);
  const rest = await inDoubt(carrier.createLabel({ ...request, packages }));
  return checked(request, { ...rest, ...found, labels: [...found.labels, ...rest.labels] });
}

async function lookUp(carrier: Carrier, request: LabelRequest): Promise<LabelPurchase | undefined> {
  const found = await carrier.findByReference?.(request);
  return found && found.labels.length > 0 ? found : undefined;
}

async function inDoubt<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw new StillInDoubt(error);
  }
}

/** An answer without a label for each box means nothing: what was bought has to be found out. */
function checked(request: LabelRequest, purchase: LabelPurchase): LabelPurchase {
  const labels = request.packages.map((box) => labelOf(purchase.labels, box.sequence_number));
  return { ...purchase, labels };
}

function labelOf(labels: readonly BoughtLabel[], sequence_number: number): BoughtLabel {
  const label = labels.find((one) => one.sequence_number === sequence_number);
  if (!label) throw new Error(`the carrier gave no label for box ${sequence_number}`);
  if (label.tracking_number === "" || label.data.length === 0)
    throw new Error(`the carrier gave an empty label for box ${sequence_number}`);
  return label;
}

/** Errors of the port are known by name here: only their type comes from the carriers. */
export function verdictOf(error: unknown): PurchaseVerdict {
  const { name, failure } = error as { name?: string; failure?: string };
  if (name === "CarrierRefusal") return "refused";
  if (name === "CarrierUnavailable" || (name === "OutsideError" && failure === "not_sent")) return "not_done";
  return "unknown";
}

function secondsToWait(error: unknown): number | null {
  const { retryAfterSeconds } = (error ?? {}) as { retryAfterSeconds?: unknown };
  return typeof retryAfterSeconds === "number" ? retryAfterSeconds : null;
}
