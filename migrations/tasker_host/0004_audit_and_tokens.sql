-- Who may use the API, and who changed what.

-- One row a change. Entries are added and never altered.
create table tasker_host.audit_entries (
  entry_id bigint generated always as identity primary key,
  recorded_at timestamp(6) not null,
  -- What was done, for example 'handler.promoted'.
  action text not null check (action ~ '^[a-z_]+\.[a-z_]+$'),
  -- Null: it concerns no single namespace.
  namespace text,
  actor_kind text not null check (actor_kind in ('token', 'jwt', 'local', 'anonymous')),
  actor_name text not null,
  -- A remote address, or 'cli:<user>@<host>'.
  actor_origin text not null,
  -- What was changed: names, versions, digests, before and after.
  subject jsonb not null check (jsonb_typeof(subject) = 'object')
);
create index idx_audit_entries_namespace on tasker_host.audit_entries (namespace, entry_id);
create index idx_audit_entries_action on tasker_host.audit_entries (action, entry_id);

-- Keeps mistakes and injected statements from rewriting the past; only old entries go, in a transaction that says so with
-- `set local tasker_host.pruning = 'audit'`. Here and not in a file of its own, as triggers need their function first.
create function tasker_host.refuse_audit_change() returns trigger
language plpgsql as $$
begin
  if tg_op = 'DELETE' and current_setting('tasker_host.pruning', true) = 'audit' then
    return old;
  end if;
  raise exception 'Cannot % audit entries: they are only ever added', lower(tg_op) using errcode = 'insufficient_privilege';
end
$$;
create trigger audit_entries_stay before update or delete on tasker_host.audit_entries
  for each row execute function tasker_host.refuse_audit_change();
create trigger audit_entries_are_not_emptied before truncate on tasker_host.audit_entries
  for each statement execute function tasker_host.refuse_audit_change();

-- API tokens. The secret itself is nowhere: it is shown once, when the token is made.
create table tasker_host.api_tokens (
  -- The public part of the token: what lists, logs and the audit name it by.
  handle text primary key check (handle ~ '^[0-9A-Za-z]{8}$'),
  name text not null,
  secret_hash bytea not null check (octet_length(secret_hash) = 32),
  permissions text[] not null,
  -- Null: all, also those that come later.
  namespaces text[],
  created_at timestamp(6) not null,
  expires_at timestamp(6) not null,
  -- To the minute: a write with every request would cost more than the request.
  last_used_at timestamp(6),
  revoked_at timestamp(6),
  check (expires_at > created_at)
);
-- A name tells two live tokens apart; a revoked one leaves it to its successor.
create unique index idx_api_tokens_name on tasker_host.api_tokens (name) where revoked_at is null;
