/** What is to be made at RabbitMQ for a table of peers: virtual hosts, users, permissions. Pure, but for the passwords. */
import { randomBytes } from "node:crypto";
import type { PeerRole, Peers } from "../../contracts/peers.ts";
import { brokerRights, type Permissions } from "./rights.ts";

const passwordBytes = 32;

export interface Vhosts {
  readonly calls: string;
  readonly events: string;
}

export interface PlannedUser {
  readonly name: string;
  readonly roles: readonly PeerRole[];
  /** For a user that is not there yet. */
  readonly password: string;
  /** By virtual host; undefined: none there. */
  readonly permissions: ReadonlyMap<string, Permissions | undefined>;
}

export interface Plan {
  readonly vhosts: readonly string[];
  readonly users: readonly PlannedUser[];
}

export const planOf = (peers: Peers, vhosts: Vhosts): Plan => ({
  vhosts: [...new Set([vhosts.calls, vhosts.events])],
  users: [...peers].map(([name, roles]) => {
    const { calls, events } = brokerRights(name, roles);
    return {
      name,
      roles,
      password: randomBytes(passwordBytes).toString("base64url"),
      permissions: new Map([
        [vhosts.calls, calls],
        [vhosts.events, events],
      ]),
    };
  }),
});

/** As AMQP_PEERS takes it. */
export const peersText = ({ users }: Plan): string =>
  users.map(({ name, roles }) => `${name}=${roles.join("+")}`).join(",");

/** What the processes of a user have in their environment. `server` is host and port. */
export function environmentOf(user: PlannedUser, vhosts: Vhosts, server: string): Record<string, string> {
  const url = (vhost: string): string =>
    `amqp://${user.name}:${user.password}@${server}/${encodeURIComponent(vhost)}`;
  return {
    AMQP_URL: url(vhosts.calls),
    ...(user.permissions.get(vhosts.events) === undefined ? {} : { EVENTS_AMQP_URL: url(vhosts.events) }),
  };
}

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
