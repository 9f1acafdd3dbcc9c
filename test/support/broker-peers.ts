/** A system whose parts log in at RabbitMQ each as a user of its own, with the rights of docs/security.md and no others. */
import amqp, { type Channel, type ChannelModel, type ConfirmChannel } from "amqplib";
import { brokerRights } from "../../services/commands/broker/rights.ts";
import { type PeerRole, peerRoles } from "../../services/contracts/peers.ts";
import { partsOf, type System, systemIsReady } from "./distributed-system.ts";
import { Processes } from "./processes.ts";
import { type BrokerUser, brokerUser, testDatabase, testVhost } from "./resources.ts";

/** A test, or a file of tests that share a system. */
interface Teardown {
  teardown(end: () => Promise<void>): void;
}

type Environment = Readonly<Record<string, string>>;

export interface BrokerPeers {
  readonly users: Readonly<Record<PeerRole, BrokerUser>>;
  /** What a process of this role has in its environment. */
  environment(role: PeerRole): Environment;
  /** Of that user, for a client of any kind. */
  callsUrl(user: BrokerUser): string;
  eventsUrl(user: BrokerUser): string;
  /** A user who may do all in both virtual hosts, and is no peer. */
  stranger(): Promise<BrokerUser>;
  /** As the test's own administrator. */
  readonly admin: { readonly calls: string; readonly events: string };
}

const everything = { configure: ".*", write: ".*", read: ".*" };
const vhostOf = (url: string): string => new URL(url).pathname.slice(1);

/** Two virtual hosts and a user for each role; gone when the test ends. */
export async function brokerPeers(t: Teardown): Promise<BrokerPeers> {
  const [calls, events] = [await testVhost(), await testVhost()];
  t.teardown(async () => {
    for (const vhost of [calls, events]) await vhost.drop();
  });
  const users = {} as Record<PeerRole, BrokerUser>;
  for (const role of peerRoles) {
    const user = await brokerUser(t);
    users[role] = user;
    const rights = brokerRights(user.name, [role]);
    await user.mayDo(vhostOf(calls.url), rights.calls);
    if (rights.events !== undefined) await user.mayDo(vhostOf(events.url), rights.events);
  }
  const as = (user: BrokerUser, place: string): string => {
    const url = new URL(place);
    user.signIn(url);
    return url.href;
  };
  const peers = peerRoles.map((role) => `${users[role].name}=${role}`).join(",");
  return {
    users,
    callsUrl: (user) => as(user, calls.url),
    eventsUrl: (user) => as(user, events.url),
    environment: (role) => ({
      AMQP_PEERS: peers,
      AMQP_URL: as(users[role], calls.url),
      ...(role === "gateway" ? {} : { EVENTS_AMQP_URL: as(users[role], events.url) }),
    }),
    async stranger() {
      const user = await brokerUser(t);
      for (const { url } of [calls, events]) await user.mayDo(vhostOf(url), everything);
      return user;
    },
    admin: { calls: calls.url, events: events.url },
  };
}

export interface PeerSystem extends System {
  readonly processes: Processes;
  readonly peers: BrokerPeers;
  readonly databases: { readonly users: string; readonly registry: string };
}

/** gateway | users, audit, outbox | smtp-registry, ready. */
export async function peerSystem(t: Teardown, environment: Environment = {}): Promise<PeerSystem> {
  const processes = new Processes();
  const [users, registry] = [await testDatabase(), await testDatabase()];
  t.teardown(async () => {
    await processes.end();
    for (const database of [users, registry]) await database.drop();
  });
  const peers = await brokerPeers(t);
  const part = (role: PeerRole, own: Environment) =>
    processes.start({ env: { ...environment, ...peers.environment(role), ...own } });
  const system = {
    // The one that may not declare everything comes first.
    registry: await part("registry", { SERVICES: "smtp-registry", REGISTRY_DATABASE_URL: registry.url }),
    gateway: await part("gateway", { SERVICES: "gateway" }),
    users: await part("users", { SERVICES: "users,audit,outbox", DATABASE_URL: users.url }),
  };
  for (const one of partsOf(system)) await one.ready();
  await systemIsReady(system.gateway);
  return { ...system, processes, peers, databases: { users: users.url, registry: registry.url } };
}

/** What a client of that URL tried; the broker's refusal rejects. */
export async function withConnection<T>(
  url: string,
  use: (connection: ChannelModel) => Promise<T>,
): Promise<T> {
  const connection = await amqp.connect(url);
  connection.on("error", () => {}); // shows as the failure of what was tried
  try {
    return await use(connection);
  } finally {
    await connection.close().catch(() => {});
  }
}

export const withChannel = <T>(url: string, use: (channel: ConfirmChannel) => Promise<T>): Promise<T> =>
  withConnection(url, async (connection) => {
    const channel = await connection.createConfirmChannel();
    channel.on("error", () => {}); // the same
    const closed = new Promise<never>((_, reject) =>
      (channel as Channel).once("error", (error: Error) => reject(error)),
    );
    closed.catch(() => {}); // told by whoever waits for it
    const used = use(channel).catch((error: unknown) => {
      // Of a refused `get` amqplib tells no Error but the frame.
      if (error instanceof Error) throw error;
      return closed;
    });
    return Promise.race([used, closed]);
  });
