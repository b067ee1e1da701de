import type { NamespaceScope } from "../domain/principal.ts";
import { namesOf, type Queries } from "./queries.ts";
import {
  CONTEXT_COLUMNS,
  TASK_COLUMNS,
  TASK_TABLES,
  type TaskResponse,
  taskResponse,
  type TaskRow,
} from "./task-row.ts";

/** Which tasks; a filter that is undefined lets all through. */
export interface TaskFilter {
  /** From 1. */
  readonly page: number;
  /** 1 to 100. */
  readonly perPage: number;
  /** What the reader may see. */
  readonly scope: NamespaceScope;
  readonly namespace?: string | undefined;
  /** One of the 12 task states. */
  readonly status?: string | undefined;
  readonly initiator?: string | undefined;
  readonly sourceSystem?: string | undefined;
}

interface Pagination {
  readonly page: number;
  readonly per_page: number;
  readonly total_count: number;
  readonly total_pages: number;
  readonly has_next: boolean;
  readonly has_previous: boolean;
}

export interface TaskListResponse {
  readonly tasks: readonly TaskResponse[];
  readonly pagination: Pagination;
}

/** Newest first: task UUIDs are of version 7 and sort by time. The outer join keeps the count where the page is empty. */
const TASKS = `
  with matching as materialized (
    select tasks.task_uuid
      from ${TASK_TABLES}
     where ($1::text is null or task_namespaces.name = $1)
       and ($2::text is null or coalesce(state.to_state, 'pending') = $2)
       and ($3::text is null or tasks.initiator = $3)
       and ($4::text is null or tasks.source_system = $4)
       and ($7::text[] is null or task_namespaces.name = any ($7))
  ), page as (
    select task_uuid from matching order by task_uuid desc limit $5 offset $6
  ), shown as (
    select ${TASK_COLUMNS}, ${CONTEXT_COLUMNS}, '[]' as steps
      from ${TASK_TABLES}
      left join tasker.get_task_execution_contexts_batch(array(select task_uuid from page)) execution
        on execution.task_uuid = tasks.task_uuid
     where tasks.task_uuid in (select task_uuid from page)
  )
  select counted.total_count, shown.*
    from (select count(*)::int as total_count from matching) counted
    left join shown on true
   order by shown.task_uuid desc`;

type ListRow = { readonly total_count: number } & (TaskRow | { readonly task_uuid: null });

/** One page of tasks, newest first, in one round trip. A page beyond the last is empty. */
export async function listTasks(database: Queries, filter: TaskFilter): Promise<TaskListResponse> {
  const { page, perPage, namespace = null, status = null, initiator = null, sourceSystem = null } = filter;
  const values = [namespace, status, initiator, sourceSystem, perPage, (page - 1) * perPage, namesOf(filter.scope)];
  const rows = await database.query<ListRow>("list_tasks", TASKS, values);
  const counted = rows.map(({ total_count: totalCount, ...row }) => ({ totalCount, row }));
  const totalCount = counted[0]?.totalCount ?? 0;
  const totalPages = Math.ceil(totalCount / perPage);
  return {
    tasks: counted.flatMap(({ row }) => (row.task_uuid === null ? [] : [taskResponse(row)])),
    pagination: {
      page,
      per_page: perPage,
      total_count: totalCount,
      total_pages: totalPages,
      has_next: page < totalPages,
      has_previous: page > 1,
    },
  };
}
