/**
 * trace: what became of a request, put together from what each service keeps in its own tables. Hosted with
 * the gateway and with users.
 *
 * Promise: it reads durable rows only (nothing is sampled), changes nothing, and answers what it knows while a service
 * is away. Names and addresses are masked for who may not see people.
 */
import type { ServiceSchema } from "moleculer";
import { healthAction } from "../../mixins/health.ts";
import { maskPeople } from "../../mixins/log/masking.ts";
import { actionsOf } from "../../mixins/moleculer/actions.ts";
import type { Platform } from "../../mixins/platform.ts";
import type { Config } from "../config/index.ts";
import { seesPeople } from "../contracts/access.ts";
import { Refusal } from "../contracts/errors.ts";
import type { Trace } from "../contracts/trace.ts";
import { tell } from "./pages.ts";

/** It has no database of its own. */
export default function traceService(
  _platform: Platform,
  config: Pick<Config, "traceDays" | "idempotencyHours">,
): ServiceSchema {
  const { traceDays, idempotencyHours } = config;
  const nothing =
    "Cannot find anything under this correlation id: the request was only a read, was refused before anything was " +
    `written, never arrived, or its traces are older than is kept (events ${traceDays} days, repeats ` +
    `${idempotencyHours} hours, changes as long as the audit log)`;
  return {
    name: "trace",
    mixins: [healthAction({})],
    actions: actionsOf("trace", {
      async explain(ctx): Promise<Trace> {
        const trace = await tell(ctx, ctx.params);
        if (trace === undefined) throw new Refusal("not-found", nothing);
        return seesPeople(ctx.meta.user) ? trace : (maskPeople(trace) as Trace);
      },
    }),
  };
}
