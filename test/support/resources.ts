/** Databases and virtual hosts of a test file's own, made fresh and dropped after; nothing is shared between files. */
import { randomBytes } from "node:crypto";
import { evaluateOn } from "./provision/node-control.ts";
import { administering } from "./provision/templates.ts";

export const adminUrl = process.env.TEST_DATABASE_URL ?? "postgresql://postgres@127.0.0.1:5432/postgres";
const brokerUrl = process.env.TEST_AMQP_URL ?? "amqp://guest:guest@127.0.0.1:5672";

export interface Resource {
  readonly url: string;
  drop(): Promise<void>;
}

const ownName = (): string => `mailroster_test_${process.pid}_${randomBytes(4).toString("hex")}`;

const administer = (sql: string): Promise<unknown> => administering(adminUrl, (client) => client.query(sql));

/**
 * An empty database, or a copy of one to which nobody can connect. Dropping it fails when a connection was leaked, which
 * fails the test.
 */
export async function testDatabase(template = "template1"): Promise<Resource> {
  const name = ownName();
  await administer(`create database "${name}" template "${template}"`);
  const url = new URL(adminUrl);
  url.pathname = `/${name}`;
  return { url: url.href, drop: async () => void (await administer(`drop database "${name}"`)) };
}

/** Evaluates one Erlang expression on the broker; resolves with what it prints and its value, rejects when it fails. */
export const rabbitEval = (expression: string): Promise<string> =>
  evaluateOn(
    {
      rabbitmqctl: process.env.TEST_RABBITMQCTL || "rabbitmqctl",
      erlCall: process.env.TEST_ERL_CALL || undefined,
    },
    expression,
  );

interface Permissions {
  readonly configure: string;
  readonly write: string;
  readonly read: string;
}

export interface BrokerUser {
  readonly name: string;
  /** Puts name and password into a URL of the broker. */
  signIn(url: URL): void;
  /** Regular expressions, as `rabbitmqctl set_permissions` takes them. */
  mayDo(vhost: string, permissions: Permissions): Promise<void>;
}

/** A user of the broker's who may do nothing yet; gone when the test ends. */
export async function brokerUser(t: { teardown(end: () => Promise<void>): void }): Promise<BrokerUser> {
  const name = ownName();
  const password = randomBytes(12).toString("hex");
  const backend = "rabbit_auth_backend_internal";
  await rabbitEval(`${backend}:add_user(<<"${name}">>, <<"${password}">>, <<"test">>).`);
  t.teardown(async () => void (await rabbitEval(`${backend}:delete_user(<<"${name}">>, <<"test">>).`)));
  return {
    name,
    signIn(url) {
      url.username = name;
      url.password = password;
    },
    async mayDo(vhost, { configure, write, read }) {
      const rights = [configure, write, read]
        .map((pattern) => `<<"${pattern.replaceAll("\\", "\\\\")}">>`)
        .join(", ");
      await rabbitEval(`${backend}:set_permissions(<<"${name}">>, <<"${vhost}">>, ${rights}, <<"test">>).`);
    },
  };
}

/** An empty virtual host on which the test's user may do everything. */
export async function testVhost(): Promise<Resource> {
  const name = ownName();
  const url = new URL(brokerUrl);
  const user = url.username || "guest";
  const all = '<<".*">>, <<".*">>, <<".*">>';
  await rabbitEval(
    `rabbit_vhost:add(<<"${name}">>, <<"test">>), ` +
      `rabbit_auth_backend_internal:set_permissions(<<"${user}">>, <<"${name}">>, ${all}, <<"test">>).`,
  );
  url.pathname = `/${name}`;
  return {
    url: url.href,
    drop: async () => void (await rabbitEval(`rabbit_vhost:delete(<<"${name}">>, <<"test">>).`)),
  };
}
