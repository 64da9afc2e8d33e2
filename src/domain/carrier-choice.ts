/** The carrier of shipments for which nobody named one: the simulated one, until rules choose among real ones. */
export const DEFAULT_CARRIER = "mock";
