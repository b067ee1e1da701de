-- Makes the step queue of a namespace where it is missing. Names are checked by pgmq.
create or replace function tasker_host.ensure_queue(p_namespace text) returns void
language plpgsql as $$
begin
  if not exists (select from pgmq.meta m where m.queue_name = tasker_host.queue_of(p_namespace)) then
    perform pgmq.create(tasker_host.queue_of(p_namespace));
  end if;
end
$$;
