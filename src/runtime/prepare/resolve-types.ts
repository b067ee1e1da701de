/** From type indices to types that mean the same everywhere. Bounded: hostile definitions double with every line. */
import type { TypeDefinition, TypeReference } from "../component/definition.ts";
import { GATE_LIMITS } from "../component/gate-limits.ts";
import { refuse } from "../component/refuse.ts";
import type { FunctionType, ValueType } from "../component/value-type.ts";
import type { TypeItem, TypeScope, WrittenTypes } from "./component-items.ts";
import { unreachable } from "../unreachable.ts";

/** The function type that `item` is. */
export function resolveFunction(item: TypeItem): FunctionType {
  if (item.kind !== "defined" || item.type.kind !== "func") {
    return refuse("TSK_COMPONENT_MALFORMED", "a function whose type is no function type");
  }
  const { type, scope } = item;
  const { written } = scope;
  const budget = { written, most: written.nodes + GATE_LIMITS.maxTypeNodes };
  return {
    params: type.params.map(([label, of]) => [label, resolve(of, scope, budget, 1)]),
    result: type.result === undefined ? undefined : resolve(type.result, scope, budget, 1),
  };
}

/** The item that a type index of `scope` names. */
export function typeAt(scope: TypeScope, index: number): TypeItem {
  return scope.types[index] ?? refuse("TSK_COMPONENT_MALFORMED", `type ${index} where ${scope.types.length} are known`);
}

interface Budget {
  readonly written: WrittenTypes;
  /** Nodes at which this one function type is too large. */
  readonly most: number;
}

function resolve(reference: TypeReference, scope: TypeScope, budget: Budget, depth: number): ValueType {
  const { written, most } = budget;
  written.nodes += 1;
  if (written.nodes > most || depth > GATE_LIMITS.maxTypeDepth) {
    refuse("TSK_COMPONENT_TOO_LARGE", "a value type of too many parts");
  }
  if (written.nodes > GATE_LIMITS.maxTypeNodesOfAll) {
    const found = `more than ${GATE_LIMITS.maxTypeNodesOfAll} parts of value types, those of each lowered function counted`;
    refuse("TSK_COMPONENT_TOO_LARGE", found, `at most ${GATE_LIMITS.maxTypeNodesOfAll}`);
  }
  if (typeof reference === "string") return { kind: reference };
  const item = typeAt(scope, reference);
  if (item.kind === "resource") return refuse("TSK_COMPONENT_MALFORMED", "a resource used as a value");
  return resolveDefinition(item.type, item.scope, budget, depth);
}

function resolveDefinition(type: TypeDefinition, scope: TypeScope, budget: Budget, depth: number): ValueType {
  const inner = (reference: TypeReference): ValueType => resolve(reference, scope, budget, depth + 1);
  const optional = (reference: TypeReference | undefined): ValueType | undefined =>
    reference === undefined ? undefined : inner(reference);
  switch (type.kind) {
    case "primitive":
      return { kind: type.primitive };
    case "record":
      return { kind: "record", fields: type.fields.map(([label, of]) => [label, inner(of)]) };
    case "variant":
      return { kind: "variant", cases: type.cases.map(([label, of]) => [label, optional(of)]) };
    case "list":
      return { kind: "list", element: inner(type.element) };
    case "tuple":
      return { kind: "tuple", items: type.items.map(inner) };
    case "enum":
    case "flags":
      return { kind: type.kind, labels: type.labels };
    case "option":
      return { kind: "option", some: inner(type.some) };
    case "result":
      return { kind: "result", ok: optional(type.ok), error: optional(type.error) };
    case "own":
    case "borrow": {
      const resource = typeAt(scope, type.resource);
      if (resource.kind !== "resource") return refuse("TSK_COMPONENT_MALFORMED", "a handle to what is no resource");
      return { kind: type.kind, resource: resource.name };
    }
    case "func":
    case "instance":
      return refuse("TSK_COMPONENT_MALFORMED", `a ${type.kind} type used as a value type`);
    default:
      return unreachable(type);
  }
}
