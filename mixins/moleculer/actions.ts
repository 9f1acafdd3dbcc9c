/**
 * Promise: a service has a handler for each action that the contract gives it, and for no other; what the contract says
 * of an action (its parameters, who may reach it) is said there alone. `health` comes by its mixin (mixins/health.ts).
 */
import type { ServiceSchema } from "moleculer";
import { type ActionName, actions } from "../../services/contracts/actions.ts";
import type { ActionContext } from "./calls.ts";
import { params } from "./validation.ts";

type Handler<N extends ActionName> = (ctx: ActionContext<N>) => unknown;

/** For an action that may outlast the broker's time for a request. */
interface Lasting<N extends ActionName> {
  readonly timeoutMs: number;
  readonly handler: Handler<N>;
}

type ServiceOf<N> = N extends `${infer S}.${string}` ? S : never;
type OwnName<S extends string> = Exclude<
  ActionName extends infer N ? (N extends `${S}.${infer Own}` ? Own : never) : never,
  "health"
>;

type Handlers<S extends string> = {
  readonly [Own in OwnName<S>]: `${S}.${Own}` extends infer N extends ActionName
    ? Handler<N> | Lasting<N>
    : never;
};

/** The `actions` of a service's schema. */
export function actionsOf<S extends ServiceOf<ActionName>>(
  service: S,
  handlers: Handlers<NoInfer<S>>,
): ServiceSchema["actions"] {
  const entries = Object.entries<Handler<ActionName> | Lasting<ActionName>>(handlers as never);
  return Object.fromEntries(
    entries.map(([name, own]) => {
      const { params: schema, visibility } = actions[`${service}.${name}` as ActionName];
      const checked = { visibility, params: params(schema) };
      return typeof own === "function"
        ? [name, { ...checked, handler: own }]
        : [name, { ...checked, handler: own.handler, timeout: own.timeoutMs }];
    }),
  ) as ServiceSchema["actions"];
}
