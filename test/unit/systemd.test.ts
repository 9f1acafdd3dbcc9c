/** docs/deploy/systemd: the units as systemd reads them, and each role with the environment that its file gives it. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { loadConfig, variableNames } from "../../services/config/index.ts";
import { exitCodes } from "../../services/contracts/exits.ts";
import { essentialNames } from "../../services/contracts/services.ts";
import { repositoryRoot } from "../support/gate/run-tool.ts";
import { findProgram, runProgram } from "../support/provision/command.ts";

const folder = join(repositoryRoot, "docs/deploy/systemd");
const read = (name: string): string => readFileSync(join(folder, name), "utf8");
const units = readdirSync(folder).filter((name) => name.endsWith(".service"));
const roles = ["gateway", "users", "smtp-registry"];

/** Of lines `NAME=value`, in the order of the file; a name may come again. */
const lines = (text: string): [string, string][] =>
  text
    .split("\n")
    .filter((line) => /^\w+=/.test(line))
    .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]);

const unit = (name: string): Record<string, string> => Object.fromEntries(lines(read(name)));

/** Certificates are the installation's own; a file that is there stands for them. */
function environmentOf(name: string): Record<string, string> {
  const given = (unit("mailroster@.service").Environment ?? "")
    .replaceAll("%i", name)
    .replaceAll("%H", "a-1");
  const own = lines(given.replaceAll(" ", "\n"));
  const set = lines(
    read(`${name}.env`)
      .replaceAll("/etc/mailroster/ca.crt", import.meta.filename)
      .replaceAll("OPS_TOKEN_FILE=/etc/mailroster/ops.token", `OPS_TOKEN=${"a".repeat(64)}`),
  );
  return Object.fromEntries([...own, ...set]);
}

test("systemd reads the units without a complaint, where there is one", async (t) => {
  const analyze = findProgram("systemd-analyze");
  if (analyze === undefined) return t.pass("there is no systemd-analyze on this machine");
  const home = mkdtempSync(join(tmpdir(), "mailroster-test-"));
  t.teardown(() => rmSync(home, { recursive: true }));
  for (const name of units) {
    const path = join(home, name.replace("@.", "@users."));
    // It looks for the program, which is where the installation has it.
    writeFileSync(path, read(name).replace("/usr/bin/node", process.execPath));
    const { code, stdout, stderr } = await runProgram(analyze, ["verify", "--man=no", path]);
    const said = `${stdout}${stderr}`
      .split("\n")
      .filter((line) => line.includes(home) || line.includes("mailroster"));
    t.deepEqual([code, said], [0, []], `${name}: ${stderr}`);
  }
});

test("each role starts with its file, and together they host every service on ports of their own", (t) => {
  const configs = roles.map((name) => loadConfig(environmentOf(name)));
  t.deepEqual(configs.flatMap(({ services }) => services).sort(), [...essentialNames].sort());
  t.is(new Set(configs.map(({ opsPort }) => opsPort)).size, roles.length);
  for (const config of configs) {
    t.deepEqual(config.warnings, []);
    t.is(config.migrate, "check");
    t.is(config.amqpUrl?.split(";").length, 3);
  }
});

test("beside a mail server a process answers it alone, by a login and a name of its own, and migrates nothing", (t) => {
  const environment = environmentOf("mail-lookup");
  const config = loadConfig(environment);
  t.deepEqual(config.services, ["mail-lookup"]);
  t.deepEqual(config.warnings, []);
  t.true(config.socketmapPort !== undefined && config.socketmapPort > 0);
  t.is(new URL(environment.REGISTRY_DATABASE_URL ?? "").username, "mail_lookup");
  t.is(new URL(environment.REGISTRY_REPLICA_URL ?? "").username, "mail_lookup");
  t.true(environment.NODE_ID?.startsWith(`${new URL(config.amqpUrl?.split(";")[0] ?? "").username}-`));
  t.false(roles.map((name) => loadConfig(environmentOf(name)).opsPort).includes(config.opsPort));
});

test("the migrations know both databases, and what runs is there", (t) => {
  const { ExecStart = "", EnvironmentFile } = unit("mailroster-migrate.service");
  t.is(EnvironmentFile, "/etc/mailroster/migrate.env");
  t.deepEqual(
    lines(read("migrate.env")).map(([name]) => name),
    ["DATABASE_URL", "REGISTRY_DATABASE_URL", "MIGRATE_DATABASE_URL", "MIGRATE_REGISTRY_DATABASE_URL"],
  );
  for (const name of units)
    t.notThrows(
      () => readFileSync(join(repositoryRoot, unit(name).ExecStart?.split(" ").at(-1) ?? "")),
      ExecStart,
    );
  for (const name of [...roles, "mail-lookup", "migrate"])
    for (const [variable] of lines(read(`${name}.env`))) t.true(variableNames().includes(variable), variable);
});

test("a stop has the time that it needs, and a wrong variable ends the tries", (t) => {
  const { TimeoutStopSec, RestartPreventExitStatus } = unit("mailroster@.service");
  t.true(Number(TimeoutStopSec) * 1000 > loadConfig(environmentOf("users")).drainMs + 20_000);
  t.is(Number(RestartPreventExitStatus), exitCodes.config);
});
