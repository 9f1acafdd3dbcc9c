/** Looks at the running system as one more node of it: who is there, on what, and whether users, registry and audit agree. */

import { Errors, type ServiceBroker } from "moleculer";
import { counted } from "../../../mixins/basics/plural.ts";
import { faultsIn, healthOf } from "../../../mixins/health.ts";
import { callAction } from "../../../mixins/moleculer/calls.ts";
import type { Config } from "../../config/index.ts";
import type { Health } from "../../contracts/actions.ts";
import { Unavailable } from "../../contracts/errors.ts";
import { StartError } from "../../contracts/exits.ts";
import { essentialNames, type HostedName, hostedServices } from "../../contracts/services.ts";
import { downIn, gatewaysOf } from "../../runtime/gateways.ts";
import { reasonOf } from "../../runtime/reasons.ts";
import { systemOf, visitSystem } from "../join.ts";
import { type Finding, hint, ok, okIf, problem, unknown } from "./findings.ts";

const reconcileTimeoutMs = 60_000;
const gatewayTimeoutMs = 3_000;
const healthTimeoutMs = 2_000;
/** The gateway serves only under the names that it was given. */
const misdirected = 421;
const below = ["services", "users database", "registry database", "RabbitMQ"];

interface NodeInfo {
  readonly id: string;
  readonly client?: { readonly langVersion?: string };
}

/** Everything that a whole system hosts somewhere. */
const everyService = hostedServices(essentialNames);

/** How many processes host each service; with the last one its part of the work stands still. Pure. */
export function instancesFinding(hosted: readonly { readonly name: string }[]): Finding {
  const counts = essentialNames.map(
    (name) => [name, hosted.filter((each) => each.name === name).length] as const,
  );
  const says = counts.map(([name, count]) => `${name} ${count}`).join(", ");
  const alone = counts.flatMap(([name, count]) => (count === 1 ? name : []));
  return alone.length === 0
    ? ok("instances", says)
    : hint(
        "instances",
        says,
        `nobody takes over from the only ${alone.join(", ")}: start a second (docs/scaling.md)`,
      );
}

function services(broker: ServiceBroker): Finding[] {
  const { services: present } = systemOf(broker);
  const missing = everyService.filter((name) => !present.includes(name));
  const nodes = broker.registry.getNodeList({ onlyAvailable: true, withServices: false }) as NodeInfo[];
  const others = nodes.filter(({ id }) => id !== broker.nodeID);
  return [
    ok("nodes", others.map(({ id, client }) => `${id} (${client?.langVersion ?? "?"})`).join(", ")),
    okIf(
      missing.length === 0,
      "services",
      missing.length === 0 ? "every service is there" : `nobody hosts ${missing.join(", ")}`,
      "start a process whose SERVICES names them (dead-letters comes with outbox, reconciler with users, trace with gateway and users)",
    ),
  ];
}

/** Each gateway where it says that it listens; the one of MAILROSTER_URL when that is set. */
async function gateways(broker: ServiceBroker, config: Config): Promise<Finding[]> {
  if (config.isGatewayGiven) return [await examineGateway(broker, "gateway", config.gatewayUrl)];
  const listening = gatewaysOf(broker);
  return Promise.all(
    listening.map(async ({ nodeId, url, machine }) => {
      const part = listening.length === 1 ? "gateway" : `gateway ${nodeId}`;
      return url === undefined
        ? unknown(part, `listens on the loopback interface of ${machine}`, "ask there, or set MAILROSTER_URL")
        : examineGateway(broker, part, url);
    }),
  );
}

/** Only what a service behind it is the cause of; a gateway that is somewhere else keeps nobody from comparing. */
const isUnready = ({ status, causes = [] }: Finding): boolean => status === "problem" && causes.length > 0;

/** A comparison waits for whoever is asked, for longer than a person does. */
const notCompared = (listening: readonly Finding[]): Finding =>
  problem("reconciliation", "waits until the system is ready", "mend that, then ask again", [
    ...below,
    ...listening.map(({ part }) => part),
  ]);

async function agreement(broker: ServiceBroker): Promise<Finding> {
  const part = "reconciliation";
  try {
    const report = await callAction(broker, "reconciler.run", {}, { timeout: reconcileTimeoutMs });
    const { checked, inFlight, violations, differences, pending, acknowledged } = report;
    const counts = Object.entries(violations).map(([check, count]) => `${check} ${count}`);
    const apart = [
      ...(inFlight === 0 ? [] : [`${inFlight} with an event on its way`]),
      ...(pending.count === 0
        ? []
        : [`${pending.count} may wait in the queue of a slow or stopped consumer`]),
      ...(acknowledged.count === 0 ? [] : [`${acknowledged.count} acknowledged`]),
    ];
    if (counts.length === 0) {
      const agree = pending.count + acknowledged.count === 0;
      const users = counted(checked, "user");
      const says = agree ? `${users} agree${checked === 1 ? "s" : ""} everywhere` : `${users}, no violation`;
      return ok(part, [says, ...apart].join(", "));
    }
    const first = differences[0]?.userId;
    return problem(
      part,
      `${counts.join(", ")} among ${counted(checked, "user")} (first: ${first})`,
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
    const { message } = error as Error;
    return problem(part, `can't be done: ${message}`, "see the lines of service reconciler", below);
  }
}

/** Joins the running system. Never rejects. */
export async function examineSystem(config: Config): Promise<Finding[]> {
  const part = "system";
  const wanted = { doing: "look at it", hopes: everyService };
  try {
    return await visitSystem(config, wanted, async (broker) => {
      const hosted = broker.registry.getServiceList({ onlyAvailable: true, skipInternal: true });
      const instances = config.amqpUrl === undefined ? [] : [instancesFinding(hosted)];
      const seen = [ok(part, "is there"), ...services(broker), ...instances];
      const listening = await gateways(broker, config);
      return [
        ...seen,
        ...listening,
        listening.some(isUnready) ? notCompared(listening) : await agreement(broker),
      ];
    });
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    const says = error.message.replace(/^Cannot look at it: /, "");
    const todo = config.amqpUrl === undefined ? "npm start" : "start its processes";
    return [{ ...problem(part, says, `${todo}, then ask again`, ["RabbitMQ"]), unreachable: true }];
  }
}

/** The gateway tells nobody the reasons of the services behind it; they tell them to a process of the system. */
async function withReasons(broker: ServiceBroker, health: Health | undefined): Promise<Health | undefined> {
  if (health?.checks === undefined) return undefined;
  const checks = Object.entries(health.checks).map(async ([name, check]) => {
    if (check.status === "up") return [name, check] as const;
    const own = await healthOf(broker, name as HostedName, healthTimeoutMs).catch(() => undefined);
    return [name, own?.status === "down" ? { status: own.status, detail: faultsIn(own) } : check] as const;
  });
  return { ...health, checks: Object.fromEntries(await Promise.all(checks)) };
}

/** Never rejects. */
async function examineGateway(broker: ServiceBroker, part: string, baseUrl: string): Promise<Finding> {
  try {
    const answer = await fetch(`${baseUrl}/health/ready`, { signal: AbortSignal.timeout(gatewayTimeoutMs) });
    const health = (await answer.json().catch(() => undefined)) as Health | undefined;
    if (answer.status === 200) return ok(part, `ready at ${baseUrl}`);
    if (answer.status === misdirected)
      return unknown(
        part,
        `takes no request as ${baseUrl}`,
        "HTTP_ALLOWED_HOSTS there, or MAILROSTER_URL here",
      );
    const down = downIn(await withReasons(broker, health));
    return problem(
      part,
      `not ready at ${baseUrl}: ${down || answer.status}`,
      down === ""
        ? "see its lines"
        : `mend ${Object.keys(health?.checks ?? {})
            .filter((name) => health?.checks[name]?.status === "down")
            .join(", ")}: their lines say since when`,
      below,
    );
  } catch (error) {
    return problem(
      part,
      `${baseUrl} ${reasonOf(error)}`,
      "see its lines; MAILROSTER_URL can name another way to it",
    );
  }
}
