export interface Mutation {
  /** The protection that is taken away. */
  name: string;
  source: string;
  /** Stands exactly once in the source. */
  find: string;
  replace: string;
  /** Which test must turn red: vitest's project, the file, and what its name holds. */
  project: "services" | "fault";
  file: string;
  test: string;
}

export const MUTATIONS: readonly Mutation[] = [
  {
    name: "the inbox insert",
    source: "src/db/inbox.ts",
    find: "returning event_id`.execute(trx);\n  return rows.map((row) => row.event_id);",
    replace: "returning event_id`.execute(trx);\n  return rows.length < 0 ? [] : [...event_ids];",
    project: "services",
    file: "test/integration/consumer.test.ts",
    test: "gives an event one effect",
  },
  {
    name: "the CHECK on what is promised",
    source: "migrations/0001_catalogue_and_stock.sql",
    find: "check (reserved_quantity >= 0 and reserved_quantity <= quantity)",
    replace: "check (true)",
    project: "services",
    file: "test/integration/guards.test.ts",
    test: "refuses to promise or keep more than there is",
  },
  {
    name: "the order of the locks",
    source: "src/db/stock.ts",
    find: "order by listing_id for no key update",
    replace: "order by random() for no key update",
    project: "fault",
    file: "test/fault/crowds.test.ts",
    test: "row 16",
  },
  {
    name: "the pool's error listener",
    source: "src/db/sound-pool.ts",
    find: 'client.on("error", () => {}); // without',
    replace: "// without",
    project: "services",
    file: "test/integration/postgres-faults.test.ts",
    test: "row 13",
  },
  {
    name: "the leader's lock",
    source: "src/events/lead.ts",
    find: "select pg_try_advisory_lock($1) as locked",
    replace: "select $1::bigint > 0 as locked",
    project: "services",
    file: "test/integration/relay.test.ts",
    test: "row 8",
  },
  {
    name: "the leader's epoch",
    source: "src/events/lead.ts",
    find: "greatest(epoch, $1::bigint) + 1",
    replace: "greatest(epoch, $1::bigint, 1)",
    project: "services",
    file: "test/integration/relay.test.ts",
    test: "row 7",
  },
  {
    name: "the watchdog over every read",
    source: "src/events/redis.ts",
    find: "return within(PATIENCE_MS, () => call);",
    replace: "return PATIENCE_MS > 0 ? call : within(PATIENCE_MS, () => call);",
    project: "services",
    file: "test/integration/consumer-faults.test.ts",
    test: "row 25: gives up a client whose read never ends",
  },
  {
    name: "the key of a request",
    source: "src/db/idempotency.ts",
    find: "if (call.requestId === undefined) return undefined;\n  const claimed",
    replace: 'if (call.requestId !== "") return undefined;\n  const claimed',
    project: "fault",
    file: "test/fault/kept-verdicts.test.ts",
    test: "is remembered for seven days",
  },
  {
    name: "the guard of the transitions",
    source: "migrations/0002_orders_and_tasks.sql",
    find: "create trigger picking_tasks_transition before update of status on picking_tasks",
    replace: "create trigger picking_tasks_transition before update of notes on picking_tasks",
    project: "services",
    file: "test/integration/guards.test.ts",
    test: "refuses to let picking_tasks leap",
  },
  {
    name: "the acknowledgement after the commit",
    source: "src/events/consuming.ts",
    find: "const done = entries.length > 0 ? await this.#options.handler.handle(entries) : [];\n    if (entries.length > 0)",
    replace:
      "await acknowledge(this.#redis, this.#reader, entries.map(({ id }) => id));\n    const done = entries.length > 0 ? await this.#options.handler.handle(entries) : [];\n    if (entries.length > 0)",
    project: "services",
    file: "test/integration/consumer-faults.test.ts",
    test: "row 5",
  },
  {
    name: "the sign of life of a connection that was idle",
    source: "src/db/sound-pool.ts",
    find: " && (await client.isAlive())",
    replace: "",
    project: "services",
    file: "test/integration/postgres-faults.test.ts",
    test: "while nobody asked anything",
  },
  {
    name: "the books of what was trimmed, when the end is lost too",
    source: "src/events/reconciler.ts",
    find: "else await balanceBooks(",
    replace: "await balanceBooks(",
    project: "services",
    file: "test/integration/reconciler.test.ts",
    test: "does not hide that older ones were trimmed",
  },
  {
    name: "the gaps that a watch keeps in mind",
    source: "src/rpc/watch/gaps.ts",
    find: "filter((gap) => gap.until > xmin)",
    replace: "filter((gap) => gap.until < xmin)",
    project: "services",
    file: "test/contract/watch.test.ts",
    test: "resumes without a gap",
  },
];
