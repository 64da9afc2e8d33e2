-- Messages in and out, request ids and dead letters.

-- Follows Debezium's outbox convention (id, aggregatetype, aggregateid, type, payload), so that a log reader can feed
-- another broker from it without touching the code.
create table outbox (
  position bigint generated always as identity primary key,
  id uuid not null default gen_random_uuid(),
  stream text not null,
  aggregatetype text not null,
  aggregateid text not null,
  sequence bigint not null, -- per aggregate, in commit order
  type text not null,
  payload jsonb not null, -- flat: string to string
  created_at timestamptz not null default now(),
  published_at timestamptz
) with (fillfactor = 80);

create index outbox_unpublished_idx on outbox (position) where published_at is null;

-- The last sequence given to an aggregate. Its row lock makes sequence order commit order.
create table outbox_sequences (
  aggregatetype text not null,
  aggregateid text not null,
  last_sequence bigint not null,
  primary key (aggregatetype, aggregateid)
) with (fillfactor = 80);

create table processed_events (
  consumer text not null,
  event_id text not null,
  processed_at timestamptz not null default now(),
  primary key (consumer, event_id)
);

create index processed_events_age_idx on processed_events using brin (processed_at);

-- Failed deliveries of an entry, counted here because Redis counts restarts as deliveries too.
create table event_attempts (
  consumer text not null,
  entry_id text not null,
  attempts integer not null,
  last_error text not null,
  updated_at timestamptz not null default now(),
  primary key (consumer, entry_id)
);

create table dead_letters (
  id bigint generated always as identity primary key,
  stream text not null,
  entry_id text not null,
  event_id text not null,
  event_type text not null default '',
  payload jsonb not null,
  reason text not null,
  attempts integer not null default 1,
  status text not null default 'open',
  created_at timestamptz not null default now(),
  resolved_at timestamptz,
  constraint dead_letters_status_check check (status in ('open', 'redriven', 'discarded')),
  constraint dead_letters_resolved_check check ((status = 'open') = (resolved_at is null)),
  unique (stream, entry_id)
);

create index dead_letters_open_idx on dead_letters (id) where status = 'open';

create table idempotency_keys (
  principal text not null,
  request_id uuid not null,
  method text not null,
  body_hash bytea not null,
  response jsonb, -- null only inside the transaction that makes the effect
  created_at timestamptz not null default now(),
  primary key (principal, request_id)
);

create index idempotency_keys_age_idx on idempotency_keys using brin (created_at);
