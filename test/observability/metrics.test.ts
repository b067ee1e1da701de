import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { Metrics } from "../../src/host/observability/metrics.ts";

interface DocumentedMetric {
  readonly name: string;
  readonly type: string;
  readonly labels: string;
  readonly help: string;
}

/** The rows of the table in docs/metrics.md: `| name | type | labels | meaning |`. */
function documented(): DocumentedMetric[] {
  const text = readFileSync(new URL("../../docs/metrics.md", import.meta.url), "utf8");
  return text.split("\n").flatMap((line) => {
    const cells = line.split("|").map((cell) => cell.trim());
    const [, name = "", type = "", labels = "", help = ""] = cells;
    return name.startsWith("`tasker_")
      ? [{ name: name.replaceAll("`", ""), type, labels: labels.replaceAll("`", ""), help }]
      : [];
  });
}

/** prom-client keeps label names on the metric, outside of its types. */
function labelsOf(metric: object): string {
  return "labelNames" in metric && Array.isArray(metric.labelNames) ? metric.labelNames.join(", ") : "";
}

it("docs/metrics.md lists every metric of the host with its type, labels and meaning, and no other", () => {
  const { registry } = new Metrics();
  const actual = registry
    .getMetricsAsArray()
    .filter(({ name }) => name.startsWith("tasker_"))
    .map((metric) => ({ name: metric.name, type: String(metric.type), labels: labelsOf(metric), help: metric.help }));
  expect(actual.length).toBeGreaterThan(5);
  expect(documented()).toEqual(actual);
});

it("metrics carry labels that configuration bounds, never ids", () => {
  const bounded = ["namespace", "outcome", "verdict", "reason", "code"];
  for (const metric of new Metrics().registry.getMetricsAsArray()) {
    if (!metric.name.startsWith("tasker_")) continue;
    const labels = labelsOf(metric)
      .split(", ")
      .filter((label) => label !== "");
    expect(bounded).toEqual(expect.arrayContaining(labels));
  }
});

it("two hosts in one process keep their metrics apart", async () => {
  const [one, other] = [new Metrics(), new Metrics()];
  one.stepsClaimed.inc({ namespace: "payments" }, 3);
  expect(await one.render()).toContain('tasker_steps_claimed_total{namespace="payments"} 3');
  expect(await other.render()).not.toContain("payments");
});
