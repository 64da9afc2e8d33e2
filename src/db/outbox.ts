import { sql } from "kysely";
import { type DomainEvent, EVENTS } from "../domain/events.ts";
import type { Transaction } from "./transaction.ts";

/**
 * Writes events into the outbox, in the transaction that made them true. Call it once, last: the rows of
 * `outbox_sequences` are locked in one order, and held until the commit, so that an aggregate's sequence is its commit order.
 */
export async function appendEvents(trx: Transaction, events: readonly DomainEvent[]): Promise<void> {
  if (events.length === 0) return;
  const columns = {
    streams: events.map((event) => EVENTS[event.type].stream),
    aggregates: events.map((event) => EVENTS[event.type].aggregate as string),
    ids: events.map((event) => event.fields[EVENTS[event.type].key] as string),
    types: events.map((event) => event.type as string),
    payloads: events.map((event) => JSON.stringify(event.fields)),
  };
  await sql`/* hot: append_events */
    with incoming as (
      select *, row_number() over (partition by aggregatetype, aggregateid order by ordinal) as nth,
             count(*) over (partition by aggregatetype, aggregateid) as total
      from unnest(${columns.streams}::text[], ${columns.aggregates}::text[], ${columns.ids}::text[],
                  ${columns.types}::text[], ${columns.payloads}::jsonb[])
           with ordinality as event (stream, aggregatetype, aggregateid, type, payload, ordinal)
    ), counters as (
      insert into outbox_sequences as counter (aggregatetype, aggregateid, last_sequence)
      select aggregatetype, aggregateid, total from incoming where nth = 1 order by aggregatetype, aggregateid
      on conflict (aggregatetype, aggregateid)
        do update set last_sequence = counter.last_sequence + excluded.last_sequence
      returning aggregatetype, aggregateid, last_sequence
    )
    insert into outbox (stream, aggregatetype, aggregateid, sequence, type, payload)
    select stream, aggregatetype, aggregateid, last_sequence - total + nth, type, payload
    from incoming join counters using (aggregatetype, aggregateid)
    order by ordinal`.execute(trx);
}
