/** What is to be made at RabbitMQ for a table of peers: virtual hosts, users, permissions. Pure, but for the passwords. */
import { randomBytes } from "node:crypto";
import { consumerQueues } from "../../contracts/consumers.ts";
import type { PeerRole, Peers } from "../../contracts/peers.ts";
import { brokerRights, foreignConsumerRights, type Permissions } from "./rights.ts";

const passwordBytes = 32;

export interface Vhosts {
  readonly calls: string;
  readonly events: string;
}

export interface PlannedUser {
  readonly name: string;
  /** None of a consumer that is no part of the system. */
  readonly roles: readonly PeerRole[];
  /** For a user that is not there yet. */
  readonly password: string;
  /** By virtual host; undefined: none there. */
  readonly permissions: ReadonlyMap<string, Permissions | undefined>;
  /** Variables of its processes' environment, and the virtual host that the URL in each names. */
  readonly places: Readonly<Record<string, string>>;
}

export interface Plan {
  /** To be made; a consumer's are there, or it would hear nothing. */
  readonly vhosts: readonly string[];
  readonly users: readonly PlannedUser[];
}

const newPassword = (): string => randomBytes(passwordBytes).toString("base64url");

export const planOf = (peers: Peers, vhosts: Vhosts): Plan => ({
  vhosts: [...new Set([vhosts.calls, vhosts.events])],
  users: [...peers].map(([name, roles]) => {
    const { calls, events } = brokerRights(name, roles);
    return {
      name,
      roles,
      password: newPassword(),
      permissions: new Map([
        [vhosts.calls, calls],
        [vhosts.events, events],
      ]),
      places: {
        AMQP_URL: vhosts.calls,
        ...(events === undefined ? {} : { EVENTS_AMQP_URL: vhosts.events }),
      },
    };
  }),
});

/** As the queues of ours are called. */
const foreignQueue = (consumer: string): string => `${consumer}.user-events`;
const consumerNameForm = /^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/;

/** A dot would reach into another's names. */
export const isForeignConsumer = (name: string): boolean =>
  consumerNameForm.test(name) && !consumerQueues.includes(foreignQueue(name));

/** The user of one that is no part of the system. Its name is no peer's, nor anybody's who is there for another reason. */
export const consumerPlan = (consumer: string, events: string): Plan => ({
  vhosts: [],
  users: [
    {
      name: `consumer-${consumer}`,
      roles: [],
      password: newPassword(),
      permissions: new Map([[events, foreignConsumerRights(foreignQueue(consumer))]]),
      places: { AMQP_URL: events },
    },
  ],
});

/** As AMQP_PEERS takes it. */
export const peersText = ({ users }: Plan): string =>
  users.map(({ name, roles }) => `${name}=${roles.join("+")}`).join(",");

/** What the processes of a user have in their environment. `server` is host and port. */
export const environmentOf = (
  { name, password, places }: PlannedUser,
  server: string,
): Record<string, string> =>
  Object.fromEntries(
    Object.entries(places).map(([variable, vhost]) => [
      variable,
      `amqp://${name}:${password}@${server}/${encodeURIComponent(vhost)}`,
    ]),
  );

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** The same for `sh`, where the management plugin is not enabled; a second run changes no password. */
export function rabbitmqctlLines({ vhosts, users }: Plan): readonly string[] {
  return [
    ...vhosts.map(
      (vhost) =>
        `rabbitmqctl list_vhosts -q | grep -qxF -- ${quoted(vhost)} || rabbitmqctl add_vhost ${quoted(vhost)}`,
    ),
    ...users.flatMap(({ name, password, permissions }) => [
      `printf '%s\\n' ${quoted(password)} | rabbitmqctl add_user ${quoted(name)} || :`,
      ...[...permissions].map(([vhost, rights]) =>
        rights === undefined
          ? `rabbitmqctl clear_permissions -p ${quoted(vhost)} ${quoted(name)}`
          : `rabbitmqctl set_permissions -p ${[vhost, name, rights.configure, rights.write, rights.read].map(quoted).join(" ")}`,
      ),
    ]),
  ];
}
