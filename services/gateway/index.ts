/**
 * gateway: HTTP in front of the services. It knows routes, headers and problems; the rules live in the services.
 *
 * Promise: it starts without anything behind it (and then answers 503); when its process is to stop it is not ready and
 * goes on answering until it is stopped, and then cuts off no answer that ends within `drainMs`.
 */
import type { AddressInfo } from "node:net";
import type { Middleware, Service, ServiceBroker, ServiceSchema } from "moleculer";
import ApiGateway from "moleculer-web";
import { type ActivityLog, activityLog } from "../../mixins/activity-log.ts";
import type { HealthCheck } from "../../mixins/basics/mixin.ts";
import { occupancy } from "../../mixins/basics/occupancy.ts";
import { httpGuard } from "../../mixins/http/host-guard.ts";
import type { Platform } from "../../mixins/platform.ts";
import type { Config } from "../config/index.ts";
import { keysChangedEvent } from "../contracts/keys.ts";
import { inNetworks } from "../contracts/networks.ts";
import { stoppingEvent } from "../contracts/operations.ts";
import { accessOf, noteFailure } from "./access/index.ts";
import { type KeyRing, keyRing } from "./access/keys.ts";
import { type OidcVerifier, oidcVerifier } from "./access/oidc.ts";
import { type Refusals, refusals } from "./access/refusals.ts";
import { answerMalformed } from "./answers/failure.ts";
import { addressLimits } from "./http/addresses.ts";
import { callerLimits } from "./http/callers.ts";
import type { Gate } from "./http/exchange.ts";
import { defaultLimits, type GatewayLimits } from "./http/limits.ts";
import { type HttpServer, httpServer } from "./http/server.ts";
import { throttles } from "./http/throttle.ts";
import { type WebService, webMethods, webSettings } from "./moleculer-web.ts";
import { localAnswers } from "./own-answers.ts";
import { outages } from "./problems/outages.ts";
import { authFailures } from "./problems/problems.ts";
import { type Operation, operations } from "./routes/index.ts";
import { peopleAtConsole } from "./sessions/people-at-console.ts";

export { defaultLimits, type GatewayLimits } from "./http/limits.ts";

/** Where a started gateway listens (`HTTP_PORT=0` takes any free port); undefined before. */
export function gatewayAddress(broker: ServiceBroker): AddressInfo | undefined {
  const service = broker.getLocalService("gateway") as unknown as { address(): AddressInfo | undefined };
  return service.address();
}

/** Whether the gateway of this process can tell people by their tokens; undefined: it has not to. */
export function identityCheck(broker: ServiceBroker): HealthCheck | undefined {
  const service = broker.getLocalService("gateway") as unknown as { identity(): HealthCheck | undefined };
  return service.identity();
}

const hourMs = 3_600_000;

/** Tells of a gateway that lets everybody in, again and again; undefined: it does not. */
function warnOfOpenDoor({ log, metrics }: Platform, config: Config): NodeJS.Timeout | undefined {
  const isOpen = config.auth === "none" && !config.isLoopback;
  metrics.authDisabled.set(isOpen ? 1 : 0);
  if (!isOpen) return undefined;
  const warn = () => log.warn("AUTH=none: everybody who reaches this port may do everything, as its owner");
  warn();
  return setInterval(warn, hourMs).unref();
}

/** Of a gateway that asks for tokens; its first copy may tell that no owner has one. */
function keysOf({ platform, limits }: Gate, { auth }: Config): KeyRing | undefined {
  if (auth !== "required") return undefined;
  return keyRing(platform, limits, () =>
    platform.log.warn(
      "No owner has an access key: npm run key -- create --name NAME --role owner makes the first",
    ),
  );
}

function peopleOf({ platform: { log, now } }: Gate, { oidc }: Config): OidcVerifier | undefined {
  return oidc && oidcVerifier(oidc, { log, now: () => now().getTime() });
}

/** What the gateway needs beside the services behind it. */
const checksOf = (keys: KeyRing | undefined, people: OidcVerifier | undefined) => ({
  ...(keys === undefined ? {} : { access: keys.check }),
  ...(people === undefined ? {} : { identity: people.check }),
});

/** Everything that tells who asks. */
function identities(gate: Gate, activity: ActivityLog, refused: Refusals) {
  const { config, platform } = gate;
  const keys = keysOf(gate, config);
  const people = peopleOf(gate, config);
  const atConsole = peopleAtConsole({
    config,
    log: platform.log,
    now: platform.now,
    keys,
    people,
    activity,
    refused: (req, error) => noteFailure(error, req, refused, platform.metrics),
  });
  const access = accessOf(config, { key: keys?.verify, jwt: people?.verify }, atConsole.browsers);
  return { keys, people, checks: checksOf(keys, people), access, atConsole };
}

/** `start` rejects with one sentence that names HTTP_PORT or HTTP_HOST when the address can't be had. */
export default function gatewayService(
  platform: Platform,
  config: Config,
  limits: GatewayLimits = defaultLimits,
  table: readonly Operation[] = operations,
): ServiceSchema {
  const log = platform.log.child({ service: "gateway" });
  const { requestsPerMinuteMax } = config;
  const isTrustedProxy = inNetworks(config.trustedProxies);
  const addresses = addressLimits({ limits, requestsPerMinuteMax, isTrustedProxy });
  const guard = httpGuard({ bound: config.httpHost, allowed: config.allowedHosts });
  const activity = activityLog({ log, metrics: platform.metrics, now: platform.now });
  const refused = refusals(activity, isTrustedProxy);
  const gate: Gate = {
    platform: { ...platform, log },
    config,
    limits,
    addresses,
    callers: callerLimits(config.unitsPerMinuteMax),
    guard,
    outages: outages(),
    failed: refused.byService,
    throttles: throttles(Math.random),
    inFlight: 0,
    streams: occupancy(),
    record: activity.write,
  };
  const { keys, people, checks, access, atConsole } = identities(gate, activity, refused);
  for (const reason of authFailures) platform.metrics.authFailures.inc({ reason }, 0);
  let server: HttpServer | undefined;
  let stopping = false;
  let address: AddressInfo | undefined;
  let ownBroker: ServiceBroker | undefined;
  let openDoor: NodeJS.Timeout | undefined;
  let prepareConsole: NodeJS.Timeout | undefined;
  const ending = new AbortController();
  const answers = localAnswers({
    broker: () => ownBroker,
    healthTimeoutMs: limits.healthTimeoutMs,
    isOpen: config.auth === "none",
    checks,
    closing: () => stopping || server?.closing === true,
    resource: access.resource,
    hasConsole: config.hasConsole,
    sessions: atConsole.answers,
  });
  const drain = async (): Promise<void> => {
    if (server === undefined) return;
    await server.close();
    server = undefined;
    await activity.flush();
    keys?.stop();
    clearInterval(openDoor);
    clearTimeout(prepareConsole);
    ending.abort();
    log.info("HTTP server closed");
  };

  return {
    name: "gateway",
    mixins: [ApiGateway],
    settings: { ...webSettings(gate, answers, table), $secureSettings: ["routes"] },
    // What moleculer-web offers every node to call: to read and to change the routes.
    actions: { listAliases: false, addRoute: false, removeRoute: false },
    methods: {
      ...webMethods(gate, access, refused),
      address: () => address,
      identity: () => people?.check,
    },
    events: {
      [stoppingEvent]() {
        stopping = true;
        server?.retire();
      },
      [keysChangedEvent]: () => keys?.refresh(),
      // Whoever keeps the keys may be there now.
      "$services.changed": () => keys?.refresh(),
    },
    created(this: WebService) {
      ownBroker = this.broker;
      // Both hooks come before Moleculer waits for the calls under way: requests that keep coming in would keep it
      // waiting, and a broker stops its services beside each other while our answers still need the others.
      const drainFirst = {
        name: "GatewayDrain",
        stopping: drain,
        serviceStopping: (service: Service) => (service.name === "gateway" ? drain() : undefined),
      };
      this.broker.middlewares.add(drainFirst as unknown as Middleware);
    },
    async started(this: WebService) {
      server = httpServer({ limits, addresses }, { request: this.httpHandler, malformed: answerMalformed });
      // Beside the start, which waits for nobody; the first token does.
      void people?.refresh();
      openDoor = warnOfOpenDoor(gate.platform, config);
      activity.start(this.broker);
      keys?.start(this.broker);
      address = await server.listen(config.httpHost, config.httpPort);
      // Moleculer makes it known together with the service, once this has ended.
      this.metadata.address = { host: address.address, port: address.port };
      log.info({ host: address.address, port: address.port }, "HTTP server listens");
      prepareConsole = setTimeout(() => answers.prepareConsole(ending.signal), limits.consoleAfterMs).unref();
    },
    stopped: drain,
  } as unknown as ServiceSchema;
}
