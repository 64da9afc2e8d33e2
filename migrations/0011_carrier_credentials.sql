-- Carriers' settings, which hold their credentials: readable only with a key that is not in here.

create table carrier_credentials (
  carrier_code text not null,
  account text not null default '',
  key_id text not null, -- which of the keys it is encrypted with
  nonce bytea not null,
  ciphertext bytea not null, -- with its tag behind it
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (carrier_code, account),
  constraint carrier_credentials_nonce_check check (octet_length(nonce) = 12),
  constraint carrier_credentials_ciphertext_check check (octet_length(ciphertext) >= 16)
);
