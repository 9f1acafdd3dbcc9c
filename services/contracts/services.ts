/**
 * The one table of the services: a folder of `services/` whose `index.ts` exports the factory by default, and a row here.
 * SERVICES, what a process hosts and connects to, readiness, and the order of stopping are views of it. No logic but
 * those views.
 */

import { type PeerRole, peerRoles } from "./peers.ts";

interface NamedRow {
  readonly comesWith?: never;
  /** SERVICES names it, and its process joins RabbitMQ in this role. */
  readonly role: PeerRole;
}

interface AccompanyingRow {
  /** It is hosted wherever one of these is, or in every process. */
  readonly comesWith: readonly string[] | "every process";
  /** SERVICES may name it too, for a process without those. */
  readonly role?: PeerRole;
}

type Row = (NamedRow | AccompanyingRow) & {
  /** Where it keeps its data. */
  readonly database?: "users" | "registry";
  /** It writes nothing there. */
  readonly reads?: true;
  /** It publishes or consumes events. */
  readonly bus?: true;
  /** The gateway is ready only with it. */
  readonly readiness?: true;
};

/** In the order in which they stop: who asks for work before who does it. */
const table = {
  gateway: { role: "gateway" },
  // It has no data of its own and is asked when something is away: with the gateway, which has nobody to ask but its own
  // process then, and with users, for the REPL of an installation without a gateway.
  trace: { comesWith: ["gateway", "users"], readiness: true },
  // It measures the others by users.
  reconciler: { comesWith: ["users"], database: "users" },
  // Its keys open the gateway, which holds a copy; they live where users does.
  access: { comesWith: ["users"], database: "users" },
  domains: { comesWith: ["users"], database: "users" },
  scim: { comesWith: ["users"], database: "users" },
  users: { role: "users", database: "users", readiness: true },
  // They live where the events come from: in the outbox's database.
  "dead-letters": { comesWith: ["outbox"], database: "users", bus: true, readiness: true },
  outbox: { role: "users", database: "users", bus: true, readiness: true },
  audit: { role: "users", database: "users", bus: true, readiness: true },
  // Where the registry is, and beside a mail server that is to have an answer of its own.
  "mail-lookup": { comesWith: ["smtp-registry"], role: "registry", database: "registry", reads: true },
  "smtp-registry": { role: "registry", database: "registry", bus: true, readiness: true },
  ops: { comesWith: "every process" },
} as const satisfies Record<string, Row>;

/** A service of a process: one that SERVICES names, or one that comes with another. */
export type HostedName = keyof typeof table;
export const hostedNames = Object.keys(table) as readonly HostedName[];
export const services: Readonly<Record<HostedName, Row>> = table;

/** What SERVICES may name. */
export type ServiceName = {
  [N in HostedName]: (typeof table)[N] extends { readonly role: PeerRole } ? N : never;
}[HostedName];
export const serviceNames = hostedNames.filter(
  (name): name is ServiceName => services[name].role !== undefined,
);

/** What has to be named somewhere, because it comes with no other. */
export const essentialNames = serviceNames.filter((name) => services[name].comesWith === undefined);

/** A service that keeps data. */
export type DataServiceName = {
  [N in HostedName]: (typeof table)[N] extends { readonly database: string } ? N : never;
}[HostedName];
export const databaseOf = (name: DataServiceName) => table[name].database;
export const needsBus = (name: HostedName): boolean => services[name].bus === true;

/** What a process hosts whose SERVICES names these, in the order in which it stops. */
export function hostedServices(named: readonly ServiceName[]): readonly HostedName[] {
  const isNamed = (name: string): boolean => (named as readonly string[]).includes(name);
  return hostedNames.filter((name) => {
    const { comesWith = [] } = services[name];
    return comesWith === "every process" || isNamed(name) || comesWith.some(isNamed);
  });
}

/** Whether nothing is left for another process. */
export const hostsEverything = (named: readonly ServiceName[]): boolean =>
  hostedServices(named).length === hostedNames.length;

/** In which roles a process may host it. */
export function hostRoles(name: HostedName): readonly PeerRole[] {
  const { comesWith, role } = services[name];
  if (comesWith === "every process") return peerRoles;
  const ofHosts = (comesWith ?? []).flatMap((host) => hostRoles(host as HostedName));
  return [...new Set(role === undefined ? ofHosts : [role, ...ofHosts])];
}

/** Whether a process with these needs it. */
export const usesDatabase = (named: readonly ServiceName[], database: "users" | "registry"): boolean =>
  hostedServices(named).some((name) => services[name].database === database);
/** Whether nobody of a process with these writes there. */
export const readsDatabase = (named: readonly ServiceName[], database: "users" | "registry"): boolean =>
  hostedServices(named).every(
    (name) => services[name].database !== database || services[name].reads === true,
  );
export const usesBus = (named: readonly ServiceName[]): boolean => hostedServices(named).some(needsBus);

/** Those that the gateway asks before it says that it is ready. */
export const behindTheGateway = hostedNames.filter((name) => services[name].readiness === true);
