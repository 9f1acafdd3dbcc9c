/** Whether a login at RabbitMQ is more than the right to join in the roles that AMQP_PEERS gives it. */
import type { Peers } from "../../contracts/peers.ts";
import type { AskManagement } from "./cluster.ts";
import { type Finding, hint, ok, problem } from "./findings.ts";

const part = "logins at RabbitMQ";

interface BrokerAccount {
  readonly name: string;
  /** A list since RabbitMQ 3.9, before that one text. */
  readonly tags: readonly string[] | string;
}

const impersonates = ({ tags }: BrokerAccount): boolean =>
  (typeof tags === "string" ? tags.split(",") : tags).includes("impersonator");

/** Of what the management API tells of the users that it knows; empty when it tells nothing. Pure. */
export function peersFinding(peers: Peers | undefined, accounts: readonly BrokerAccount[]): Finding {
  const feigning = accounts.filter(impersonates).map(({ name }) => name);
  if (feigning.length > 0)
    return problem(
      part,
      `${feigning.join(", ")} may send in anybody's name`,
      "`rabbitmqctl set_user_tags <user>` without impersonator",
    );
  if (peers === undefined)
    return hint(
      part,
      "AMQP_PEERS is not set: whoever has one is believed whatever it says",
      "a user for each role, by `npm run broker -- setup` (docs/security.md)",
    );
  return ok(part, [...peers].map(([user, roles]) => `${user} (${roles.join(", ")})`).join(", "));
}

/** All users are told to an administrator alone, one's own to whoever may use the API. */
export async function examinePeers(ask: AskManagement, peers: Peers | undefined): Promise<Finding[]> {
  const all = await ask<readonly BrokerAccount[]>("users");
  const own = all === undefined ? await ask<BrokerAccount>("whoami") : undefined;
  return [peersFinding(peers, all ?? (own === undefined ? [] : [own]))];
}
