/**
 * Moleculer's broker options out of our configuration. Calls go over Moleculer's AMQP transporter; the facts have
 * channels of their own (mixins/bus), because Moleculer's events over AMQP are at most once.
 */
import { type BrokerOptions, Errors, type ServiceSchema } from "moleculer";
import { brokerSocket } from "./mixins/bus/broker-tls.ts";
import { signedBy } from "./mixins/bus/login.ts";
import { nodesInTurn, nodesOf } from "./mixins/bus/nodes.ts";
import { callCorrelation } from "./mixins/context/correlation.ts";
import { callTracing } from "./mixins/context/tracing.ts";
import { type Logger, libraryLogger } from "./mixins/log/logging.ts";
import type { Metrics } from "./mixins/metrics/metrics.ts";
import { ownWire } from "./mixins/moleculer/call-frames.ts";
import { CallTransporter, type Doubt } from "./mixins/moleculer/call-transporter.ts";
import { faultInjection } from "./mixins/moleculer/fault-injection.ts";
import { callLateness } from "./mixins/moleculer/lateness.ts";
import { livingInstances } from "./mixins/moleculer/living-instances.ts";
import { packetRefusals } from "./mixins/moleculer/packet-senders.ts";
import { recordedCalls } from "./mixins/moleculer/recorded-calls.ts";
import { doubtOf } from "./mixins/moleculer/refused-packets.ts";
import { transportFaults } from "./mixins/moleculer/transport-faults.ts";
import { SchemaValidator } from "./mixins/moleculer/validation.ts";
import { WakefulDiscoverer } from "./mixins/patches/moleculer-discoverer.ts";
import { patientConnect } from "./mixins/patches/moleculer-start.ts";
import { forgetUnanswered } from "./mixins/patches/moleculer-timeout.ts";
import type { Config } from "./services/config/index.ts";
import { restoreError } from "./services/contracts/errors.ts";

const requestTimeoutMs = 5_000;
const shutdownTimeoutMs = 10_000;
/** A node that has sent none for that long is no more among those that can be called. */
const heartbeatSeconds = 2;
const heartbeatTimeoutSeconds = 6;

class Regenerator extends Errors.Regenerator {
  // Moleculer falls back to its own classes when this returns undefined, which its type does not say.
  override restoreCustomError(plain: Parameters<typeof restoreError>[0]): Error {
    return restoreError(plain) as Error;
  }
}

/** Without `noDelay`, as it comes, 23 calls a second: Nagle's algorithm waits for a delayed acknowledgement. */
const transporter = (url: string, { nodeId, amqpTls }: Config, doubt: Doubt | undefined) =>
  new CallTransporter(
    {
      url: nodesOf(nodesInTurn(url, nodeId)),
      socketOptions: { ...brokerSocket(amqpTls, nodesOf(url)[0] ?? ""), noDelay: true, timeout: 3_000 },
      // Nobody waits longer for a request or its answer; a node that comes back must not find them.
      messageOptions: { expiration: requestTimeoutMs, ...signedBy(url) },
    },
    doubt,
  );

/**
 * Moleculer's own `$node` answers any process in the namespace. `options` hands it everything in here, the broker's URL
 * with its password too, and `health` tells account, home and command line: nothing of ours asks for them. `list` and
 * `services` stay, with which a process is found (mixins/moleculer/every-node.ts). A fresh one each time: Moleculer changes it.
 */
const closedNodeActions = () =>
  ({
    name: "$node",
    actions: { options: false, health: false, metrics: false },
  }) as unknown as ServiceSchema;

/** The options of one process. */
export function brokerOptions(
  config: Config,
  log: Logger,
  metrics?: Pick<Metrics, "packetsRefused" | "activityDropped">,
): BrokerOptions {
  const { amqpUrl, peers, nodeId } = config;
  // At 0 from the start, as every counter of ours, also where nobody is doubted.
  if (amqpUrl !== undefined) for (const reason of packetRefusals) metrics?.packetsRefused.inc({ reason }, 0);
  const doubt =
    peers === undefined
      ? undefined
      : doubtOf(peers, { log: log.child({ service: "calls" }), refused: metrics?.packetsRefused });
  const living = livingInstances(log.child({ service: "calls" }));
  return {
    namespace: "mailroster",
    nodeID: nodeId,
    metadata: { ...ownWire },
    logger: {
      type: "Pino",
      options: {
        level: config.logLevel,
        createLogger: (_level: string, { mod, svc }: { mod?: string; svc?: string }) =>
          libraryLogger(
            log,
            svc === undefined || svc.startsWith("$")
              ? { service: "moleculer", module: mod }
              : { service: svc },
          ),
      },
    } as unknown as BrokerOptions["logger"],
    ...(amqpUrl === undefined ? {} : { transporter: transporter(amqpUrl, config, doubt) }),
    errorRegenerator: new Regenerator() as unknown as NonNullable<BrokerOptions["errorRegenerator"]>,
    validator: new SchemaValidator() as unknown as NonNullable<BrokerOptions["validator"]>,
    // The first one stands next to the handler, the last one around all others.
    middlewares: [
      ...(config.faultInjection ? [faultInjection({ log })] : []),
      recordedCalls({ log, metrics }),
      callTracing(),
      callCorrelation(),
      living.middleware,
      callLateness(),
      forgetUnanswered(),
      transportFaults(),
      patientConnect(),
    ],
    requestTimeout: requestTimeoutMs,
    heartbeatInterval: heartbeatSeconds,
    heartbeatTimeout: heartbeatTimeoutSeconds,
    registry: { strategy: living.strategy as never, discoverer: new WakefulDiscoverer() as never },
    internalServices: { $node: closedNodeActions() },
    tracking: { enabled: true, shutdownTimeout: shutdownTimeoutMs },
    // Signals are handled in services/runtime, which also drains what Moleculer does not know of.
    skipProcessEventRegistration: true,
    metrics: { enabled: false },
  };
}

/** For `moleculer-runner -c moleculer.config.ts`, whose broker hosts the services of SERVICES, as `npm start` does. */
export default async function config(this: unknown): Promise<BrokerOptions> {
  const { runnerOptions } = await import("./services/runtime/runner.ts");
  return runnerOptions(this);
}
