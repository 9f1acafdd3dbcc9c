/**
 * Promise: an action's handler sees only parameters that satisfy its zod schema, after defaults and coercion.
 *
 * Moleculer deep-clones service schemas and zod objects do not survive that. So `params` carries the JSON Schema
 * (which travels in the node's INFO packet and feeds the OpenAPI document) and, under a symbol, the zod schema.
 */
import { type ActionParams, Validators } from "moleculer";
import * as z from "zod";
import { type FieldError, Refusal } from "../services/contracts/errors.ts";

const source = Symbol.for("mailroster.schema");

/** What to write as an action's `params`. */
export const params = (schema: z.ZodType): ActionParams =>
  ({
    ...z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }),
    [source]: () => schema,
  }) as unknown as ActionParams;

const pointerOf = (path: readonly PropertyKey[]): string =>
  `#${path.map((part) => `/${encodeURIComponent(String(part).replaceAll("~", "~0").replaceAll("/", "~1"))}`).join("")}`;

/** The faults of a zod error, one per field, unknown members each under their own pointer. */
export function fieldErrors(error: z.ZodError): FieldError[] {
  return error.issues.flatMap((issue) =>
    issue.code === "unrecognized_keys"
      ? issue.keys.map((key) => ({
          pointer: pointerOf([...issue.path, key]),
          detail: "is not a known member",
        }))
      : [{ pointer: pointerOf(issue.path), detail: issue.message }],
  );
}

/** Moleculer's validator, which takes our schemas and refuses with `invalid-fields`. */
export class SchemaValidator extends Validators.Fastest {
  override compile(schema: unknown): never {
    const find = (schema as Record<symbol, (() => z.ZodType) | undefined>)[source];
    if (find === undefined) return super.compile(schema as never) as never;
    const zodSchema = find();
    const check = async (value: Record<string, unknown>): Promise<true> => {
      const result = zodSchema.safeParse(value);
      if (!result.success)
        throw new Refusal("invalid-fields", "The request has invalid fields", {
          errors: fieldErrors(result.error),
        });
      for (const key of Object.keys(value)) delete value[key];
      Object.assign(value, result.data);
      return true;
    };
    // Moleculer calls a synchronous check outside of any promise, so a throw would escape `broker.call`.
    return Object.assign(check, { async: true }) as never;
  }
}
