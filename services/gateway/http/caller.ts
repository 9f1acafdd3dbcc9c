/** Who asks, and whether they may: moleculer-web's `authenticate` and `authorize`, before a byte of the body is read. */
import { isActor } from "../../../mixins/context/correlation.ts";
import { httpHeader } from "../../contracts/headers.ts";
import { invalidHeader } from "../problems/problems.ts";
import type { CallContext, WebRequest } from "./exchange.ts";

/** The caller, as `ctx.meta.user`. Throws a problem when X-Actor is unusable: an audit entry must not have a wrong name. */
export function authenticate(ctx: CallContext, _route: unknown, req: WebRequest): { readonly id: string } {
  const actor = req.headers[httpHeader.actor];
  if (actor !== undefined && !isActor(actor))
    throw invalidHeader("X-Actor", "must be 1 to 128 visible ASCII characters");
  return { id: ctx.meta.actor ?? "" };
}

/** Everybody may do everything: whoever is in front of the gateway decides who gets here (docs/guarantees.md). */
export function authorize(): void {}
