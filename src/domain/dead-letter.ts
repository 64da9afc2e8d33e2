import { defineStateMachine, type StatusOf } from "./state-machine.ts";

/** A message that could not be processed. One that was put back on its stream and failed again is open once more. */
export const deadLetterMachine = defineStateMachine({
  name: "dead_letter",
  initial: ["open"],
  statuses: ["open", "redriven", "discarded"],
  actions: {
    redrive: { from: ["open"], to: "redriven" },
    discard: { from: ["open"], to: "discarded" },
    reopen: { from: ["redriven"], to: "open" },
  },
});

export type DeadLetterStatus = StatusOf<typeof deadLetterMachine>;
