-- A box's number in the supply chain, as GS1 has it: of warehouses that may number boxes.

alter table warehouses add column gs1_company_prefix text
  constraint warehouses_gs1_prefix_check check (gs1_company_prefix ~ '^[0-9]{4,12}$');

alter table packages add column sscc text constraint packages_sscc_check check (sscc ~ '^[0-9]{18}$');

create unique index packages_sscc_key on packages (sscc) where sscc is not null;

-- One for all prefixes: whoever moves to another prefix does not begin again.
create sequence sscc_serials;

-- An SSCC: extension digit, company prefix, serial reference, check digit. What a prefix leaves of 17 digits is counted
-- through, the extension digit as the first of them; behind the last number comes the first again.
create function sscc(prefix text, serial bigint) returns text language sql immutable strict as $$
  with counted as (
    select lpad((serial::numeric % 10::numeric ^ (17 - length(prefix)))::bigint::text, 17 - length(prefix), '0') as number
  ), digits as (
    select left(number, 1) || prefix || substr(number, 2) as payload from counted
  )
  select payload || (
    select (10 - sum(substr(payload, place, 1)::integer * case when place % 2 = 1 then 3 else 1 end) % 10) % 10
    from generate_series(1, 17) as place)::text
  from digits
$$;

-- What a label's bytes were when they came: whoever gives them again can tell that they are the same. Empty only where a
-- process of the version before has stored them.
alter table package_labels add column sha256 text;
update package_labels set sha256 = encode(sha256(data), 'hex');

-- Bytes may lie in an object store, under this key, instead of here.
alter table package_labels add column store_key text;
alter table package_labels alter column data drop not null;
alter table package_labels add constraint package_labels_place_check check ((data is null) <> (store_key is null));

-- What is still to be moved to the store, if there is one.
create index package_labels_here_idx on package_labels (created_at) where data is not null;
