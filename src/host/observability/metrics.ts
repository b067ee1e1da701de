import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";

/** Milliseconds; from a fresh AssemblyScript instance to a handler at the default deadline. */
const DURATION_BUCKETS_MS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000];

/**
 * Every metric of the host; the table with units and labels is docs/metrics.md. Names are API.
 * Labels are bounded by configuration (namespaces, outcome kinds), never by task or correlation ids.
 */
export class Metrics {
  readonly registry = new Registry();

  readonly stepsClaimed = this.#counter("tasker_steps_claimed_total", "Steps claimed", ["namespace"]);
  readonly stepExecutions = this.#counter("tasker_steps_executions_total", "Runs of steps by how they ended", [
    "namespace",
    "outcome",
  ]);
  readonly fuelUsed = this.#counter("tasker_steps_fuel_total", "Fuel used by runs, in units of the fuel schedule", [
    "namespace",
  ]);
  readonly resultsSubmitted = this.#counter(
    "tasker_steps_results_submitted_total",
    "Results by the database's verdict",
    ["namespace", "verdict"],
  );
  readonly messagesArchived = this.#counter(
    "tasker_messages_archived_total",
    "Queue messages archived without running a step",
    ["namespace", "reason"],
  );
  readonly stepsTakenOver = this.#counter(
    "tasker_steps_taken_over_total",
    "Steps taken over from hosts that are gone or handed them over",
    ["namespace"],
  );
  readonly databaseCircuitOpened = this.#counter(
    "tasker_database_circuit_opened_total",
    "How often the circuit breaker before the database opened",
    [],
  );
  readonly databaseCircuit = this.#gauge(
    "tasker_database_circuit",
    "The circuit breaker before the database: 0 closed, 1 half-open, 2 open",
    [],
  );
  readonly resultsWaiting = this.#gauge("tasker_results_waiting", "Results that the database has not judged yet", []);
  readonly requestsTurnedAway = this.#counter(
    "tasker_auth_rejections_total",
    "HTTP requests turned away for who sent them (401, 403), or how often (429), by error code",
    ["code"],
  );
  readonly activeExecutions = this.#gauge("tasker_steps_active_executions", "Claimed steps not yet reported", [
    "namespace",
  ]);
  readonly executorSlots = this.#gauge("tasker_executor_slots", "Steps that may run at once", ["namespace"]);
  readonly queueDepth = this.#gauge("tasker_queue_depth", "Visible messages in the step queue, 10,000 at the most", [
    "namespace",
  ]);
  readonly executionDuration = this.#histogram("tasker_step_execution_duration_ms", "Run of a step", ["namespace"]);
  readonly claimDuration = this.#histogram("tasker_step_claim_duration_ms", "Claim of a batch", ["namespace"]);
  readonly submissionDuration = this.#histogram(
    "tasker_step_result_submission_duration_ms",
    "Report of a batch of results",
    [],
  );

  constructor() {
    collectDefaultMetrics({ register: this.registry });
  }

  /** The Prometheus text format (version 0.0.4). */
  render(): Promise<string> {
    return this.registry.metrics();
  }

  #counter<Label extends string>(name: string, help: string, labelNames: readonly Label[]): Counter<Label> {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
  }

  #gauge<Label extends string>(name: string, help: string, labelNames: readonly Label[]): Gauge<Label> {
    return new Gauge({ name, help, labelNames, registers: [this.registry] });
  }

  #histogram<Label extends string>(name: string, help: string, labelNames: readonly Label[]): Histogram<Label> {
    return new Histogram({ name, help, labelNames, registers: [this.registry], buckets: DURATION_BUCKETS_MS });
  }
}
