/**
 * Promise: the service answers `<name>.health` with what it depends on, never throwing, once the slowest check is over
 * (the caller's timeout is its own affair); what is said of a fault holds no value.
 */
import { actions, type Health } from "../services/contracts/actions.ts";
import type { HealthCheck, Mixin } from "./basics/mixin.ts";
import { errorMessage } from "./log/error-text.ts";
import { params } from "./moleculer/validation.ts";

/** Runs the checks beside each other. */
export async function runChecks(checks: Readonly<Record<string, HealthCheck>>): Promise<Health> {
  const results = await Promise.all(
    Object.entries(checks).map(async ([name, check]) => {
      try {
        await check();
        return [name, { status: "up" as const }] as const;
      } catch (error) {
        return [name, { status: "down" as const, detail: errorMessage(error) }] as const;
      }
    }),
  );
  const status = results.every(([, result]) => result.status === "up") ? "up" : "down";
  return { status, checks: Object.fromEntries(results) };
}

export const healthMixin = (checks: Readonly<Record<string, HealthCheck>>): Mixin => ({
  actions: {
    health: {
      visibility: "public",
      params: params(actions["users.health"].params),
      handler: () => runChecks(checks),
    },
  },
});
