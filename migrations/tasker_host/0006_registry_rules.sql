-- Rules that the registry of all hosts must be able to trust, and what it remembers of versions that are gone.

-- A name that is no namespace has no queue: hosts could not serve what is active there, nor what is active beside it.
delete from tasker_host.active_callables where namespace !~ '^[a-z][a-z0-9_]{0,28}$';
delete from tasker_host.handler_versions where namespace !~ '^[a-z][a-z0-9_]{0,28}$';
alter table tasker_host.handler_versions add constraint handler_versions_namespace_check
  check (namespace ~ '^[a-z][a-z0-9_]{0,28}$');

-- A source map explains the errors of the namespace that brought it, and not those of another with the same component.
alter table tasker_host.handler_versions add column source_map text;
update tasker_host.handler_versions v set source_map = c.source_map
from tasker_host.components c where c.digest = v.digest and c.source_map is not null;
alter table tasker_host.components drop column source_map;

-- What an activation served and imported: asked when another component takes its callables over, also after it was deleted.
alter table tasker_host.handler_activations add column callables text[] not null default '{}';
alter table tasker_host.handler_activations add column interfaces text[] not null default '{}';
update tasker_host.handler_activations a
set callables = v.callables,
    interfaces = array(select distinct split_part(i.name, '@', 1) from unnest(c.imports) i (name) order by 1)
from tasker_host.handler_versions v
join tasker_host.components c on c.digest = v.digest
where v.namespace = a.namespace and v.name = a.name and v.version = a.version and v.digest = a.digest;
alter table tasker_host.handler_activations alter column callables drop default;
alter table tasker_host.handler_activations alter column interfaces drop default;

-- A handler may also cease to have an active version. Such a row names the version that was active until then.
alter table tasker_host.handler_activations drop constraint handler_activations_reason_check;
alter table tasker_host.handler_activations add constraint handler_activations_reason_check
  check (reason in ('promoted', 'rolled_back', 'deactivated'));
