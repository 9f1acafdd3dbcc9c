/**
 * Promise: an action's handler sees only parameters that satisfy its zod schema, after defaults and coercion.
 *
 * Moleculer deep-clones service schemas and zod objects do not survive that. So `params` carries what Moleculer's own
 * validator would have there, the parameters by their names (they travel in the node's INFO packet, and the REPL's
 * `actions` shows them), and under a symbol the zod schema.
 */
import { type ActionParams, type Context, type ServiceBroker, Validators } from "moleculer";
import * as z from "zod";
import { type FieldError, Refusal } from "../../services/contracts/errors.ts";
import { fieldMessage } from "./field-messages.ts";

const source = Symbol.for("mailroster.schema");

/** A parameter as Moleculer's users know it from fastest-validator; what is nested or refined stays with zod. */
interface Rule {
  readonly type: string;
  readonly optional?: true;
}

type JsonSchema = z.core.JSONSchema.BaseSchema;

/** The parameters by name; of alternatives those of each. */
function rulesOf(schema: JsonSchema, root: JsonSchema = schema): Record<string, Rule> {
  const resolved = (node: JsonSchema): JsonSchema =>
    node.$ref === undefined
      ? node
      : { ...root.$defs?.[node.$ref.replace("#/$defs/", "")], ...node, $ref: undefined };
  const { properties = {}, required = [], ...rest } = resolved(schema);
  const alternatives = [...(rest.anyOf ?? []), ...(rest.oneOf ?? []), ...(rest.allOf ?? [])];
  const rules = Object.entries(properties).map(([name, property]): [string, Rule] => {
    const { type: oneOrMore } = typeof property === "boolean" ? {} : resolved(property as JsonSchema);
    const type = typeof oneOrMore === "string" ? oneOrMore : "any";
    return [name, required.includes(name) ? { type } : { type, optional: true }];
  });
  return Object.assign(
    {},
    ...alternatives.map((alternative) => rulesOf(alternative as JsonSchema, root)),
    Object.fromEntries(rules),
  );
}

/** What to write as an action's `params`. */
export const params = (schema: z.ZodType): ActionParams =>
  ({
    ...rulesOf(z.toJSONSchema(schema, { io: "input", unrepresentable: "any" })),
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

const refusalOf = (error: z.ZodError): Refusal =>
  new Refusal("invalid-fields", "The request has invalid fields", { errors: fieldErrors(error) });

type Next = (ctx: Context) => Promise<unknown>;
interface Action {
  readonly params?: Record<symbol, (() => z.ZodType) | undefined>;
}
interface Wrapping {
  localAction(next: Next, action: Action): Next;
}

/** As a schema's parse takes it. */
const inOurWords = { error: fieldMessage };

/** Moleculer's validator, which takes our schemas and refuses with `invalid-fields`. */
export class SchemaValidator extends Validators.Fastest {
  // Not as a `compile`: a check that may refuse would have to be asynchronous there, a wait more for every call.
  override middleware(broker: ServiceBroker): Wrapping {
    const { middleware } = Validators.Fastest.prototype as unknown as {
      middleware(b: ServiceBroker): Wrapping;
    };
    const other = middleware.call(this, broker);
    return {
      ...other,
      localAction(next, action) {
        const schema = action.params?.[source]?.();
        if (schema === undefined) return other.localAction(next, action);
        return (ctx) => {
          const result = schema.safeParse(ctx.params ?? {}, inOurWords);
          if (!result.success) return Promise.reject(refusalOf(result.error));
          ctx.params = result.data as object;
          return next(ctx);
        };
      },
    };
  }
}
