/**
 * Promise: the service answers `<name>.health` with what it depends on, never throwing, once the slowest check is over
 * (the caller's timeout is its own affair); what is said of a fault holds no value.
 */
import type { ServiceBroker } from "moleculer";
import { actions, type Health } from "../services/contracts/actions.ts";
import type { HostedName } from "../services/contracts/services.ts";
import type { HealthCheck, Mixin } from "./basics/mixin.ts";
import { errorMessage } from "./log/error-text.ts";
import { callAction } from "./moleculer/calls.ts";
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

/** Of whichever process hosts that service. Rejects as a call does. */
export const healthOf = (broker: ServiceBroker, name: HostedName, timeout: number): Promise<Health> =>
  // Every service has this action.
  callAction(broker, `${name}.health` as "users.health", {}, { timeout });

/** `database: the disk of its server is full`, of each check that is down; empty when none is. */
export const faultsIn = ({ checks }: Health): string =>
  Object.entries(checks)
    .flatMap(([name, { status, detail }]) => (status === "up" ? [] : `${name}: ${detail ?? "down"}`))
    .join(", ");

export const healthAction = (checks: Readonly<Record<string, HealthCheck>>): Mixin => ({
  actions: {
    health: {
      visibility: "public",
      params: params(actions["users.health"].params),
      handler: () => runChecks(checks),
    },
  },
});
