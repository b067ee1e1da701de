import type { Database } from "../../../src/host/database/connection.ts";

/**
 * Empties the database between two tests and gives its clock back to Postgres. Deletes rather than truncates: sessions keep
 * their plans, which cost more than a test.
 */
export async function clear(database: Database): Promise<void> {
  await database.query("test_clear", CLEAR);
}

const TABLES = [
  "tasker_host.archived_messages",
  "tasker_host.step_retries",
  "tasker_host.step_leases",
  "tasker_host.host_sessions",
  "tasker_host.active_callables",
  "tasker_host.handler_versions",
  "tasker_host.artifacts",
  "tasker_host.components",
  "tasker.tasks_dlq",
  "tasker.workflow_step_result_audit",
  "tasker.workflow_step_transitions",
  "tasker.task_transitions",
  "tasker.workflow_step_edges",
  "tasker.workflow_steps",
  "tasker.tasks",
  "tasker.named_tasks",
  "tasker.named_steps",
  "tasker.task_namespaces",
];

const CLEAR = `
  do $do$
  declare
    v_queue text;
  begin
    ${TABLES.map((table) => `delete from ${table};`).join("\n    ")}
    for v_queue in select queue_name from pgmq.meta loop
      execute format('delete from pgmq.%I', 'q_' || v_queue);
      execute format('delete from pgmq.%I', 'a_' || v_queue);
    end loop;
    perform set_config('tasker_host.now', '', false);
  end
  $do$`;
