import { z } from "zod";
import { keyText } from "./template-problem.ts";
import { TemplateSchema } from "./template-schema.ts";
import { isRecord, type YamlDocument, type YamlPath } from "./yaml-document.ts";

/** One warning for each key that no version of Tasker known to us reads. */
export function unknownKeyWarnings(yaml: YamlDocument, path: string): readonly string[] {
  return unknownKeys(TemplateSchema, yaml.value, []).map(
    (at) => `${path}:${yaml.positionOfKey(at).line}: key "${keyText(at)}" is unknown and has no effect`,
  );
}

/** Paths of keys that the schema does not know. */
function unknownKeys(schema: unknown, value: unknown, path: YamlPath): readonly YamlPath[] {
  const inner = unwrapped(schema);
  if (inner instanceof z.ZodArray && Array.isArray(value)) {
    return value.flatMap((item: unknown, index) => unknownKeys(inner.element, item, [...path, index]));
  }
  if (inner instanceof z.ZodObject && isRecord(value)) {
    const shape: Readonly<Record<string, unknown>> = inner.shape;
    return Object.entries(value).flatMap(([key, member]) =>
      Object.hasOwn(shape, key) ? unknownKeys(shape[key], member, [...path, key]) : [[...path, key]],
    );
  }
  return [];
}

function unwrapped(schema: unknown): unknown {
  return schema instanceof z.ZodOptional ? unwrapped(schema.unwrap()) : schema;
}
