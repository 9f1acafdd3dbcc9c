/** What a request that the gateway answers by itself has been sent. */
import type * as z from "zod";
import { fieldErrors } from "../../../mixins/moleculer/validation.ts";
import type { WebRequest } from "../http/exchange.ts";
import { HttpProblem } from "../problems/problems.ts";

/** What the body says. Throws a problem. */
export function sentBody<T>(schema: z.ZodType<T>, req: WebRequest): T {
  const parsed = schema.safeParse(req.$params);
  if (parsed.success) return parsed.data;
  const errors = fieldErrors(parsed.error).map(({ pointer, detail }) => ({ pointer, detail }));
  throw new HttpProblem("invalid-fields", "The request has invalid fields", { errors });
}
