import { type AlertRule, DAY } from "./alert-rule.ts";

/** What came in, goes out, or is to be done later, and doesn't get on. */
export const MESSAGE_RULES: readonly AlertRule[] = [
  {
    name: "dead_letters_open",
    severity: "critical",
    value: "count",
    threshold: 0,
    question: `
      select jsonb_build_object('stream', stream, 'event_type', event_type) as labels, count(*) as value,
        min(created_at) as since,
        format('%s dead letters of %s (%s), the latest: %s', count(*), stream, coalesce(nullif(event_type, ''), 'no type'),
          left((array_agg(reason order by id desc))[1], 200)) as summary
      from dead_letters where status = 'open' group by stream, event_type having count(*) > $threshold`,
  },
  {
    name: "outbox_late",
    severity: "critical",
    value: "age",
    threshold: 30,
    question: `
      select '{}'::jsonb as labels, min(created_at) as since,
        format('%s committed events are not published, the oldest', count(*)) as summary
      from outbox where published_at is null having min(created_at) < $before`,
  },
  {
    // The queue never takes these again: somebody has to. One that runs is counted when it has failed.
    name: "job_dead",
    severity: "critical",
    value: "count",
    threshold: 0,
    question: `
      select jsonb_build_object('task', task_identifier) as labels, count(*) as value, min(updated_at) as since,
        format('%s %s jobs have failed for the last time, the latest %s: %s', count(*), task_identifier, max(id),
          left((array_agg(last_error order by id desc))[1], 200)) as summary
      from graphile_worker.jobs where attempts >= max_attempts and locked_at is null
      group by task_identifier having count(*) > $threshold`,
  },
  {
    name: "job_failing",
    severity: "critical",
    value: "age",
    threshold: DAY,
    question: `
      select jsonb_build_object('task', task_identifier) as labels, min(created_at) as since,
        format('%s %s jobs fail and fail, the latest %s: %s', count(*), task_identifier, max(id),
          left((array_agg(last_error order by id desc))[1], 200)) as summary
      from graphile_worker.jobs
      where attempts < max_attempts and last_error is not null and created_at < $before
        -- That a marketplace is down is told already; its orders wait for nothing else.
        and not (task_identifier = 'report_parcels' and exists (
          select from alerts where name = 'outside_host_down' and resolved_at is null
            and labels ->> 'service' = split_part(jobs.key, ':', 2)))
      group by task_identifier`,
  },
];
