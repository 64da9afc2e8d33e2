-- What is done every so often: when it was last asked for, by this clock and no process's own.
create table rounds (
  task text primary key,
  every_seconds integer not null check (every_seconds > 0),
  asked_at timestamptz not null
);
