/**
 * `npm run doctor`: is this installation healthy? Run it with the environment of the process that you doubt. It changes
 * nothing. `--json` is for machines.
 */
import { resolve } from "node:path";
import { type Config, ConfigError, loadConfigBeside } from "../../config/index.ts";
import { exitCodes } from "../../contracts/exits.ts";
import { type CommandForm, commandLine } from "../../runtime/command-line.ts";
import { ownerOf } from "../../runtime/data-folder.ts";
import { databaseTargets } from "../../runtime/prepare-databases.ts";
import { runCommand } from "../../runtime/run-command.ts";
import { colourMarks } from "../../runtime/terminal.ts";
import { examineDatabase } from "./database.ts";
import { runningEmbeddedPostgres } from "./embedded.ts";
import { asJson, asText, byCause, type Finding, findingsExitCode, ok, problem } from "./findings.ts";
import { examineMail } from "./mail.ts";
import { examineRabbitMq } from "./rabbitmq.ts";
import { examineSystem } from "./system.ts";

const form: CommandForm = {
  name: "doctor",
  says: "Is this installation healthy? Looks at databases, broker, services and their consistency, and changes nothing.",
  options: { json: { says: "for machines" } },
  exits: {
    [exitCodes.ok]: "healthy",
    [exitCodes.failure]: "problems",
    [exitCodes.uncertain]: "no problem found, but not everything could be looked at",
    [exitCodes.unavailable]: "there is no system that could be reached; why is the first line",
  },
};
const { deno, node } = process.versions;
const runtime = ok("this process", deno === undefined ? `Node ${node}` : `Deno ${deno}`);

/** With the addresses of the embedded PostgreSQL, when the system of the data folder runs one. */
function withEmbedded(config: Config): Config {
  const external = config.usersDatabaseUrl !== undefined || config.registryDatabaseUrl !== undefined;
  if (external || ownerOf(config.dataDir) === undefined) return config;
  return { ...config, ...runningEmbeddedPostgres(resolve(config.dataDir)) };
}

/** `PostgreSQL at 127.0.0.1:5432/users refuses the connection`, without the database. */
const serverAndReason = ({ says }: Finding): string => says.replace(/^(\S+ at [^/ ]+)\S*/, "$1");

/** Of two databases on one server that is out of reach, the second follows from the first. */
async function databases(config: Config): Promise<Finding[]> {
  const findings = (await Promise.all(databaseTargets(withEmbedded(config)).map(examineDatabase))).flat();
  const [first, ...others] = findings.filter(
    ({ status, part }) => status === "problem" && part.endsWith(" database"),
  );
  return findings.map((finding) =>
    first !== undefined && others.includes(finding) && serverAndReason(finding) === serverAndReason(first)
      ? { ...finding, causes: [first.part] }
      : finding,
  );
}

async function examine(config: Config): Promise<Finding[]> {
  const { eventsAmqpUrl, amqpTls, retryDelaysMs, peers } = config;
  const findings = await Promise.all([
    examineSystem(config),
    databases(config),
    examineMail(config),
    eventsAmqpUrl === undefined ? [] : examineRabbitMq(eventsAmqpUrl, amqpTls, retryDelaysMs, peers),
  ]);
  const misspelt = config.warnings.map((says) => problem("configuration", says, "docs/configuration.md"));
  return [...misspelt, ...findings.flat()];
}

const line = commandLine(form);
await runCommand(async () => {
  const show = (found: readonly Finding[]): readonly Finding[] => {
    const findings = byCause([runtime, ...found]);
    process.stdout.write(`${line.has("json") ? asJson(findings) : colourMarks(asText(findings))}\n`);
    return findings;
  };
  try {
    return findingsExitCode(show(await examine(loadConfigBeside(process.env, "doctor"))));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    show([problem("configuration", error.message, "docs/configuration.md")]);
    return exitCodes.config;
  }
});
