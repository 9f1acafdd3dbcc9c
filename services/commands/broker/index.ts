/**
 * `npm run broker`: a user of RabbitMQ for each role, with the least rights (docs/security.md, "Broker"). `setup` makes them
 * by the management API, `print` writes the commands for `rabbitmqctl`. With `--consumer` it is about one user instead,
 * for a consumer that is no part of the system (docs/guides/consuming-events.md). It changes no user's password that is there, so
 * it may be run again, after an update too.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ConfigError, loadClientConfig, parsePeers } from "../../config/index.ts";
import { exitCodes } from "../../contracts/exits.ts";
import type { Peers } from "../../contracts/peers.ts";
import { type CommandForm, type CommandLine, commandLine, usageError } from "../../runtime/command-line.ts";
import { runCommand } from "../../runtime/run-command.ts";
import { carryOut } from "./management.ts";
import {
  consumerPlan,
  environmentOf,
  isForeignConsumer,
  type Plan,
  peersText,
  planOf,
  rabbitmqctlLines,
  type Vhosts,
} from "./plan.ts";

const defaultPeers =
  "mailroster-gateway=gateway,mailroster-users=users,mailroster-registry=registry,mailroster-operator=operator";

const form: CommandForm = {
  name: "broker",
  says: "Virtual hosts, a user for each role and its permissions at RabbitMQ: made by the management API (RABBITMQ_MANAGEMENT_URL), or printed for rabbitmqctl. Passwords are shown once.",
  words: { form: "setup|print", min: 1, max: 1, known: ["setup", "print"] },
  options: {
    peers: { value: "<user=role,…>", says: "as AMQP_PEERS, which it is by default, else four users" },
    consumer: {
      value: "<name>",
      says: "one user instead, of a consumer that is no part of the system: it reads events into <name>.user-events",
    },
    "calls-vhost": { value: "<name>", says: "virtual host of calls (mailroster-calls)" },
    "events-vhost": { value: "<name>", says: "virtual host of events (mailroster-events)" },
    server: { value: "<host:port>", says: "of the URLs that it writes (127.0.0.1:5672)" },
    out: {
      value: "<folder>",
      says: "writes the URLs there, a file each for *_FILE, instead of showing them",
    },
    json: { says: "for machines" },
  },
};

function peersOf(line: CommandLine, configured: Peers | undefined): Peers {
  const given = line.valueOf("peers");
  if (given === undefined) return configured ?? parsePeers(defaultPeers);
  try {
    return parsePeers(given);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw usageError(form, error.message.replace("AMQP_PEERS", "--peers"));
  }
}

function plannedBy(line: CommandLine, configured: Peers | undefined, vhosts: Vhosts): Plan {
  const consumer = line.valueOf("consumer");
  if (consumer === undefined) return planOf(peersOf(line, configured), vhosts);
  if (!isForeignConsumer(consumer))
    throw usageError(
      form,
      `--consumer must be 1 to 64 letters a-z, digits and hyphens, and none of the system's own, not ${JSON.stringify(consumer)}`,
    );
  if (line.valueOf("peers") !== undefined)
    throw usageError(form, "--consumer is about one user, --peers about others");
  return consumerPlan(consumer, vhosts.events);
}

type Urls = Record<string, Record<string, string>>;

/** The files that hold the URLs instead of them. */
function written(urls: Urls, folder: string): Urls {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const files = Object.entries(urls).map(([user, variables]) => {
    const own = Object.entries(variables).map(([name, url]) => {
      const path = join(folder, `${user}.${name.toLowerCase().replaceAll("_", "-")}`);
      writeFileSync(path, `${url}\n`, { mode: 0o600, flag: "wx" });
      return [`${name}_FILE`, path];
    });
    return [user, Object.fromEntries(own)];
  });
  return Object.fromEntries(files) as Urls;
}

function report(line: CommandLine, plan: Plan, urls: Urls, commands: readonly string[]): string {
  // A consumer is none: what it says at the broker is believed by nobody.
  const peers = line.valueOf("consumer") === undefined ? { AMQP_PEERS: peersText(plan) } : {};
  if (line.has("json")) return JSON.stringify({ ...peers, users: urls, commands });
  const comment = commands.length > 0 ? "# " : "";
  return [
    ...commands,
    ...Object.entries(peers).map(([name, value]) => `${comment}${name}=${value}`),
    ...Object.entries(urls).flatMap(([user, variables]) => [
      `${comment}${user}:`,
      ...Object.entries(variables).map(([name, value]) => `${comment}  ${name}=${value}`),
    ]),
  ].join("\n");
}

const line = commandLine(form);
await runCommand(async () => {
  const { peers, managementUrl } = loadClientConfig(
    { ...process.env, AMQP_URL: undefined, EVENTS_AMQP_URL: undefined },
    "broker",
  );
  const vhosts: Vhosts = {
    calls: line.valueOf("calls-vhost") ?? "mailroster-calls",
    events: line.valueOf("events-vhost") ?? "mailroster-events",
  };
  const plan = plannedBy(line, peers, vhosts);
  const prints = line.words[0] === "print";
  const made = prints ? plan.users : await carryOut(plan, managementUrl);
  const server = line.valueOf("server") ?? "127.0.0.1:5672";
  const urls: Urls = Object.fromEntries(made.map((user) => [user.name, environmentOf(user, server)]));
  const folder = line.valueOf("out");
  const told = folder === undefined ? urls : written(urls, folder);
  process.stdout.write(`${report(line, plan, told, prints ? rabbitmqctlLines(plan) : [])}\n`);
  return exitCodes.ok;
});
