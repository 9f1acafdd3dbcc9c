/**
 * Promise: an action's handler sees only parameters that satisfy its zod schema, after defaults and coercion.
 *
 * Moleculer deep-clones service schemas and zod objects do not survive that. So `params` carries the JSON Schema
 * (which travels in the node's INFO packet and feeds the OpenAPI document) and, under a symbol, the zod schema.
 */
import { type ActionParams, type Context, type ServiceBroker, Validators } from "moleculer";
import * as z from "zod";
import { type FieldError, Refusal } from "../services/contracts/errors.ts";
import { fieldMessage } from "./field-messages.ts";

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
