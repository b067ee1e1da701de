import { type GraphProblem, graphProblems } from "./step-graph.ts";
import { didYouMean, keyText, type TemplateProblem } from "./template-problem.ts";
import type { TemplateDocument } from "./template-schema.ts";
import type { YamlDocument } from "./yaml-document.ts";

/** What keeps the template's steps from being a graph that can be run to its end, with places in the file. */
export function templateGraphProblems(document: TemplateDocument, yaml: YamlDocument): readonly TemplateProblem[] {
  const steps = document.steps.map(({ name, dependencies = [] }) => ({ name, dependencies }));
  return graphProblems(steps).map((problem) => explain(problem, yaml));
}

function explain(problem: GraphProblem, yaml: YamlDocument): TemplateProblem {
  const dependency = "dependency" in problem ? problem.dependency : 0;
  const at = ["steps", problem.step, "dependencies", dependency];
  const place = { ...yaml.positionOf(at), key: keyText(at) };
  switch (problem.kind) {
    case "duplicate-step": {
      const nameAt = ["steps", problem.step, "name"];
      const first = yaml.positionOf(["steps", problem.first, "name"]).line;
      return {
        code: "TSK_TEMPLATE_DUPLICATE_STEP",
        ...yaml.positionOf(nameAt),
        key: keyText(nameAt),
        found: `"${problem.name}", which line ${first} has already`,
        accepted: "a name that no other step has",
      };
    }
    case "repeated-dependency":
      return { code: "TSK_TEMPLATE_INVALID", ...place, found: `"${problem.name}" twice`, accepted: "each step once" };
    case "unknown-dependency":
      return {
        code: "TSK_TEMPLATE_UNKNOWN_DEPENDENCY",
        ...place,
        found: `"${problem.name}", which no step is called${didYouMean(problem.nearest)}`,
        accepted: "names of steps of this template",
      };
    case "cycle":
      return {
        code: "TSK_TEMPLATE_CYCLE",
        ...place,
        found: `a circle: ${problem.names.join(" → ")}`,
        accepted: "dependencies that lead back to a step without any",
      };
    default:
      return problem satisfies never;
  }
}
