/** Looks at the running system as one more node of it: who is there, on what, and whether users, registry and audit agree. */
import { Errors, type ServiceBroker } from "moleculer";
import type { Logger } from "../../../mixins/logging.ts";
import { callAction } from "../../../mixins/platform.ts";
import { type Config, serviceNames } from "../../config/index.ts";
import { Unavailable } from "../../contracts/errors.ts";
import { hostedServices } from "../composition.ts";
import type { ReplDoor } from "../data-folder.ts";
import { visitSystem } from "../visit.ts";
import { type Finding, faultOf, ok, problem, unknown, within } from "./findings.ts";

const servicesWaitMs = 5_000;
const reconcileTimeoutMs = 60_000;
const gatewayTimeoutMs = 3_000;

interface NodeInfo {
  readonly id: string;
  readonly client?: { readonly langVersion?: string };
}

/** Everything that a whole system hosts somewhere. */
const everyService = hostedServices({ services: serviceNames });

async function services(broker: ServiceBroker): Promise<Finding[]> {
  const missing: string[] = [];
  await broker.waitForServices([...everyService], servicesWaitMs).catch(() => {});
  for (const name of everyService) {
    const found = await broker.waitForServices([name], 1).then(
      () => true,
      () => false,
    );
    if (!found) missing.push(name);
  }
  const nodes = broker.registry.getNodeList({ onlyAvailable: true, withServices: false }) as NodeInfo[];
  const others = nodes.filter(({ id }) => id !== broker.nodeID);
  return [
    ok("nodes", others.map(({ id, client }) => `${id} (${client?.langVersion ?? "?"})`).join(", ") || "none"),
    within(
      missing.length === 0,
      "services",
      missing.length === 0 ? "every service is there" : `nobody hosts ${missing.join(", ")}`,
      "start a process whose SERVICES names them (dead-letters comes with outbox, reconciler with users, trace with gateway and users)",
    ),
  ];
}

async function agreement(broker: ServiceBroker): Promise<Finding> {
  const part = "reconciliation";
  try {
    const report = await callAction(broker, "reconciler.run", {}, { timeout: reconcileTimeoutMs });
    const { checked, inFlight, violations, differences, pending, acknowledged } = report;
    const found = Object.entries(violations).map(([check, count]) => `${check} ${count}`);
    const apart = [
      ...(inFlight === 0 ? [] : [`${inFlight} have an event on its way`]),
      ...(pending.count === 0
        ? []
        : [`${pending.count} may wait in the queue of a slow or stopped consumer`]),
      ...(acknowledged.count === 0 ? [] : [`${acknowledged.count} acknowledged`]),
    ];
    if (found.length === 0) {
      const agree = pending.count + acknowledged.count === 0;
      const says = agree ? `${checked} users agree everywhere` : `${checked} users, no violation`;
      return ok(part, [says, ...apart].join(", "));
    }
    const first = differences[0]?.userId;
    return problem(
      part,
      `${found.join(", ")} among ${checked} users (first: ${first})`,
      "docs/guides/consistency.md; `reconcile repair` in npm run repl",
    );
  } catch (error) {
    if (error instanceof Errors.RequestTimeoutError)
      return unknown(
        part,
        `takes longer than ${reconcileTimeoutMs / 1000} s`,
        "its result will be in the log",
      );
    if (error instanceof Unavailable && error.data.dependency === "reconciler")
      return unknown(part, "another pass is under way", "ask again when it is over");
    return problem(part, `can't be done: ${faultOf(error)}`, "see the services above");
  }
}

/** Joins over RabbitMQ, or through the door of the embedded system. Never rejects. */
export async function examineSystem(
  config: Config,
  log: Logger,
  door: ReplDoor | undefined,
): Promise<Finding[]> {
  try {
    return await visitSystem(config, log, door, async (broker) => {
      const findings = await services(broker);
      return [...findings, await agreement(broker)];
    });
  } catch (error) {
    return [problem("nodes", `can't be joined: ${faultOf(error)}`, "see RabbitMQ above")];
  }
}

/** Never rejects. */
export async function examineGateway(baseUrl: string): Promise<Finding> {
  const part = "gateway";
  try {
    const answer = await fetch(`${baseUrl}/health/ready`, { signal: AbortSignal.timeout(gatewayTimeoutMs) });
    const { checks } = (await answer.json()) as { checks?: Record<string, { status: string }> };
    const down = Object.entries(checks ?? {}).flatMap(([name, { status }]) => (status === "up" ? [] : name));
    if (answer.status === 200) return ok(part, `ready at ${baseUrl}`);
    return problem(part, `not ready at ${baseUrl}: ${down.join(", ") || answer.status}`, "see what it names");
  } catch (error) {
    const cause = (error as { cause?: unknown }).cause ?? error;
    return problem(
      part,
      `does not answer at ${baseUrl}: ${faultOf(cause)}`,
      "npm start, or set MAILROSTER_URL",
    );
  }
}
