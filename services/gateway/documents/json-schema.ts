/** zod schemas as JSON Schemas whose named parts are gathered under `components.schemas` of a document. */
import { readFileSync } from "node:fs";
import * as z from "zod";

export type JsonSchema = Record<string, unknown>;

export interface SchemaCollection {
  /** By name. */
  readonly schemas: Record<string, JsonSchema>;
  /** The schema, or a reference to it when it has a name. */
  add(schema: z.ZodType): JsonSchema;
}

/** AsyncAPI takes draft 7, OpenAPI 3.1 the 2020-12 draft. `io: "input"` keeps answers open for members to come. */
export function schemaCollection(target: "draft-7" | "draft-2020-12"): SchemaCollection {
  const definitions = target === "draft-7" ? "definitions" : "$defs";
  const schemas: Record<string, JsonSchema> = {};
  return {
    schemas,
    add(schema) {
      const json = z.toJSONSchema(schema, { io: "input", unrepresentable: "any", target });
      const text = JSON.stringify(json).replaceAll(`"#/${definitions}/`, '"#/components/schemas/');
      const {
        $schema: _,
        [definitions]: named,
        ...rest
      } = JSON.parse(text) as JsonSchema & { $schema: string };
      Object.assign(schemas, named);
      return rest;
    },
  };
}

export const licenseUrl = "https://spdx.org/licenses/MIT.html";
/** Whoever runs an installation answers for it; a document that is the same everywhere knows no address of theirs. */
export const contact = { name: "The operators of this installation" };

/** Name, version and description of this project for the documents. */
export function projectInfo(): { version: string; description: string } {
  const file = new URL("../../../package.json", import.meta.url);
  const { version, description } = JSON.parse(readFileSync(file, "utf8")) as Record<string, string>;
  return { version: version ?? "0", description: description ?? "" };
}
