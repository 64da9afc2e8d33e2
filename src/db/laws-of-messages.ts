import type { Law } from "./law.ts";

/** No event is lost, between the commit and the stream. */
export const MESSAGE_LAWS: readonly Law[] = [
  {
    number: 8,
    name: "no_event_lost",
    description:
      "each aggregate's events are numbered without a gap up to its last, and none waits for its publication for minutes",
    checked: "select count(*) from outbox_sequences",
    // Published events go from the front when they are old. While the very first is there, none has gone yet.
    violations: `
      with kept as (
        select aggregatetype, aggregateid, count(*) as events, count(distinct sequence) as numbers, min(sequence) as first,
          max(sequence) as last
        from outbox group by aggregatetype, aggregateid
      ), whole as (select exists (select from outbox where position = 1) as yes)
      select format('%s %s: %s events, numbers %s to %s, the last given is %s', aggregatetype, aggregateid, coalesce(events, 0),
        coalesce(first, 0), coalesce(last, 0), coalesce(last_sequence, 0)) as violation
      from kept full join outbox_sequences using (aggregatetype, aggregateid) cross join whole
      where (events is null and whole.yes) or last <> coalesce(last_sequence, 0) or events <> last - first + 1
        or numbers <> events or (first <> 1 and whole.yes)
      union all
      select format('event %s (%s) has waited since %s', id, type, created_at) from outbox
      where published_at is null and created_at < now() - interval '5 minutes'`,
  },
];
