-- What somebody has to look at and no query finds again: raised by whoever saw it, resolved by whoever sees it gone.
create table alerts (
  id bigint generated always as identity primary key,
  name text not null check (name <> ''),
  key text not null default '', -- what it is about; '' for the whole service
  severity text not null,
  summary text not null,
  labels jsonb not null default '{}', -- flat: string to string
  value double precision not null default 0,
  threshold double precision not null default 0,
  count bigint not null default 1, -- how often it was raised since it opened
  since timestamptz not null default now(),
  last_seen_at timestamptz not null default now(),
  resolved_at timestamptz,
  constraint alerts_severity_check check (severity in ('warning', 'critical'))
) with (fillfactor = 80);

create unique index alerts_open_key on alerts (name, key) where resolved_at is null;
create index alerts_resolved_idx on alerts (resolved_at) where resolved_at is not null;

-- What waits for a human among the many shipments and facts that don't.
create index shipments_label_due_idx on shipments (id) where label_status in ('requested', 'failed', 'needs_review');
create index shipments_silent_idx on shipments (status, shipped_at) where status in ('shipped', 'exception');
create index shipments_sync_failed_idx on shipments (id) where channel_sync_status = 'failed';
create index tracking_events_unknown_idx on tracking_events (recorded_at) where status = 'unknown';
