-- Why the steps that a decision or a batchable step asks for cannot be created; null where they can, or where it asks for none.
-- `p_result` is what the handler returned.
create or replace function tasker_host.outcome_problem(p_step uuid, p_result jsonb) returns text
language plpgsql stable as $$
declare
  v_place record;
  v_outcome jsonb;
  v_unknown text;
begin
  select * into v_place from tasker_host.step_place(p_step);
  case v_place.step ->> 'type'
    when 'decision' then
      v_outcome := p_result -> 'decision_point_outcome';
      if v_outcome ->> 'type' = 'no_branches' then
        return null;
      elsif v_outcome ->> 'type' is distinct from 'create_steps' or jsonb_typeof(v_outcome -> 'step_names') is distinct from 'array' then
        return 'decision_point_outcome is neither no_branches nor create_steps with step_names';
      elsif jsonb_array_length(v_outcome -> 'step_names') not between 1 and 100 then
        return 'decision_point_outcome names ' || jsonb_array_length(v_outcome -> 'step_names') || ' steps, not 1 to 100';
      end if;
      select string_agg(format('"%s"', wanted.name), ', ') into v_unknown
      from jsonb_array_elements_text(v_outcome -> 'step_names') wanted (name)
      where wanted.name <> all (tasker_host.steps_behind(v_place.steps, v_place.name));
      return 'decision_point_outcome names steps that do not stand behind the decision: ' || v_unknown;
    when 'batchable' then
      v_outcome := p_result -> 'batch_processing_outcome';
      if v_outcome ->> 'type' not in ('no_batches', 'create_batches') or v_outcome ->> 'type' is null then
        return 'batch_processing_outcome is neither no_batches nor create_batches';
      elsif not exists (
        select from tasker_host.template_graph(v_place.steps) g
        where g.type = 'batch_worker' and g.name = tasker_host.batch_worker_of(v_place.step, v_outcome)
      ) then
        return format('batch_processing_outcome names the worker template "%s", which is no batch_worker',
                      tasker_host.batch_worker_of(v_place.step, v_outcome));
      elsif v_outcome ->> 'type' = 'create_batches' and (
        jsonb_typeof(v_outcome -> 'cursor_configs') is distinct from 'array'
        or jsonb_array_length(v_outcome -> 'cursor_configs') not between 1 and 1000
        or (select count(distinct c.value ->> 'batch_id') from jsonb_array_elements(v_outcome -> 'cursor_configs') c (value))
           <> jsonb_array_length(v_outcome -> 'cursor_configs')
      ) then
        return 'batch_processing_outcome has no cursor_configs, more than 1000, or two with one batch_id';
      end if;
      return null;
    else
      return null;
  end case;
end
$$;
