-- Why a lease was offered to other hosts. What the next holder may do depends on how far the last one came:
-- 'not_started': no handler saw the step, for example because the claim's answer was lost. The attempt goes on.
-- 'interrupted': its host stopped before the handler was done. The attempt goes on, but a step that must not run twice ends.
-- 'unreported':  the handler was done, and Postgres refuses to record the result. The next run is another attempt.
alter table tasker_host.step_leases add column released_as text
  check (released_as in ('not_started', 'interrupted', 'unreported'));
update tasker_host.step_leases set released_as = 'interrupted' where released_at is not null;
alter table tasker_host.step_leases add check ((released_at is null) = (released_as is null));

-- 'given_up': it was offered, and its attempt did not go on with the next lease, which is another one.
alter table tasker_host.step_leases drop constraint step_leases_ended_as_check;
alter table tasker_host.step_leases add constraint step_leases_ended_as_check
  check (ended_as in ('recorded', 'taken_over', 'handed_over', 'given_up', 'exhausted', 'superseded'));
