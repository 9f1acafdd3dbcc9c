/** Whether the gateway and each service behind it can work; tells which one can't, and no internals of it. */
import type { ServiceBroker } from "moleculer";
import { healthOf } from "../../mixins/health.ts";
import { isOutageText } from "../../mixins/postgres/database-faults.ts";
import type { Health } from "../contracts/actions.ts";
import { behindTheGateway, type HostedName } from "../contracts/services.ts";

type Check = Health["checks"][string];

async function check(broker: ServiceBroker, name: HostedName, timeoutMs: number): Promise<Check> {
  try {
    const health = await healthOf(broker, name, timeoutMs);
    if (health.status === "up") return { status: "up" };
    const down = Object.entries(health.checks).flatMap(([part, { status, detail }]) =>
      status === "up" ? [] : isOutageText(detail) ? `${part} (${detail})` : part,
    );
    return { status: "down", detail: `down: ${down.join(", ")}` };
  } catch (error) {
    const late = (error as Error).name === "RequestTimeoutError";
    return { status: "down", detail: late ? "does not answer in time" : "can't be reached" };
  }
}

export const liveness = (): Health => ({ status: "up", checks: { process: { status: "up" } } });

/** Asks every service beside each other; resolves within `timeoutMs`, never rejects. */
export async function readinessOf(broker: ServiceBroker, timeoutMs: number): Promise<Health> {
  const checks = await Promise.all(
    behindTheGateway.map(async (name) => [name, await check(broker, name, timeoutMs)]),
  );
  const result = Object.fromEntries(checks) as Health["checks"];
  const up = Object.values(result).every(({ status }) => status === "up");
  return { status: up ? "up" : "down", checks: result };
}
