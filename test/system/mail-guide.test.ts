/** docs/guides/mail-servers.md works line by line: its commands, its plugin in a real Haraka, its lines in a real Exim. */
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import test from "ava";
import { runBlocks, sectionsOf } from "../support/executable-page.ts";
import { fixedPort } from "../support/fixed-port.ts";
import { haraka } from "../support/haraka.ts";
import { blockOf, mailGuide } from "../support/mail-guide.ts";
import { addressIs } from "../support/mail-system.ts";
import { configuredPostfix } from "../support/postfix.ts";
import { Processes, type TestProcess } from "../support/processes.ts";
import { type Outcome, runProgram } from "../support/provision/command.ts";
import { eximAdvice } from "../support/provision/mail-servers.ts";
import { type Resource, testDatabase } from "../support/resources.ts";
import { smtpClient } from "../support/smtp.ts";

const processes = new Processes();
let databases: Resource[] = [];
let running: TestProcess;
let page = "";

/** One process, as the guide starts it, with databases that are quicker to have. */
test.before(async () => {
  databases = [await testDatabase(), await testDatabase()];
  const socketmapPort = await fixedPort();
  running = await processes.start({
    env: {
      DATABASE_URL: databases[0]?.url ?? "",
      REGISTRY_DATABASE_URL: databases[1]?.url ?? "",
      SOCKETMAP_PORT: String(socketmapPort),
      RECIPIENT_DELIMITER: "+",
    },
  });
  await running.ready();
  page = mailGuide({ httpUrl: running.httpUrl, socketmapPort, lmtpPort: 24, authPort: 25 });
});
test.after.always(async () => {
  await processes.end();
  for (const database of databases) await database.drop();
});

/** What the section's commands did otherwise than it says; `before` is what each shell begins with. */
const faultsOf = (title: string, before = ""): Promise<string[]> =>
  runBlocks(
    (sectionsOf(page).get(title) ?? []).map((block) =>
      block.language === "sh" ? { ...block, text: `${before}\n${block.text}` } : block,
    ),
    processes.folder(),
  );

const exported = (variables: Readonly<Record<string, string>>): string =>
  Object.entries(variables)
    .map(([name, value]) => `export ${name}='${value}'`)
    .join("\n");

test.serial("somebody to write to is made as the guide says", async (t) => {
  t.deepEqual(await faultsOf("Switch it on"), []);
  for (const name of ["ann", "ann.lee"]) await addressIs(running.httpUrl, `${name}@example.com`, "active");
});

test.serial("Postfix's commands say what the guide says", async (t) => {
  const postfix = await configuredPostfix(blockOf(page, "ini").split("\n"));
  t.teardown(postfix.stop);
  t.deepEqual(await faultsOf("Postfix", exported(postfix.environment)), []);
});

test.serial("Haraka with the guide's plugin takes, refuses and puts off", async (t) => {
  t.deepEqual(await faultsOf("Haraka"), []);
  const plugin = blockOf(page, "js");
  const server = await haraka(plugin);
  t.teardown(server.stop);
  const client = await smtpClient(server.smtpPort);
  const say = (address: string) => client.rcpt(address, "someone@elsewhere.example");
  t.regex(await say("ann@example.com"), /^250 /);
  t.regex(await say("Ann.Lee+news@Example.com"), /^250 /);
  t.regex(await say("nobody@example.com"), /^550 .*5\.1\.1/);
  await client.end();
  const away = await haraka(plugin.replace(running.httpUrl, "http://127.0.0.1:9"));
  t.teardown(away.stop);
  const other = await smtpClient(away.smtpPort);
  t.regex(await other.rcpt("ann@example.com", "someone@elsewhere.example"), /^45\d .*does not answer/);
  await other.end();
});

const exim = (args: readonly string[], input = ""): Promise<Outcome> => {
  const program = process.env.TEST_EXIM;
  if (!program) throw new Error(eximAdvice);
  return runProgram(program, args, { input });
};

/** Exim's configuration with the guide's lines in their places. */
function eximConfiguration(guide: string): string {
  const folder = processes.folder();
  const path = join(folder, "exim.conf");
  mkdirSync(join(folder, "spool"));
  // Started by root it goes on as a user of its own.
  for (const each of [folder, join(folder, "spool")]) chmodSync(each, 0o777);
  const lines = [
    `spool_directory = ${folder}/spool`,
    `log_file_path = ${folder}/%slog`,
    "primary_hostname = mx.example.net",
    "domainlist local_domains = example.com",
    "acl_smtp_rcpt = acl_check_rcpt",
    "keep_environment =",
    "begin acl",
    "acl_check_rcpt:",
    blockOf(guide, "exim-acl"),
    "begin routers",
    blockOf(guide, "exim-router"),
    "mailboxes:\n  driver = accept\n  transport = dovecot",
    "begin transports",
    "dovecot:\n  driver = lmtp\n  socket = /run/dovecot/lmtp",
  ];
  writeFileSync(path, `${lines.join("\n")}\n`, { mode: 0o644 });
  return path;
}

const rcptOf = async (configuration: string, address: string): Promise<string> => {
  const session = `EHLO client.example\r\nMAIL FROM:<>\r\nRCPT TO:<${address}>\r\nQUIT\r\n`;
  const { stdout } = await exim(["-C", configuration, "-bh", "192.0.2.1"], session);
  return stdout.trim().split("\n").at(-2) ?? "";
};

test.serial(
  "Exim's commands and its ACL say what the guide says, and put off what nobody answers",
  async (t) => {
    const configuration = eximConfiguration(page);
    const bin = processes.folder();
    const script = `#!/bin/sh\nexec '${process.env.TEST_EXIM}' -C '${configuration}' "$@"\n`;
    writeFileSync(join(bin, "exim"), script);
    chmodSync(join(bin, "exim"), 0o755);
    t.deepEqual(await faultsOf("Exim", exported({ PATH: `${bin}${delimiter}${process.env.PATH}` })), []);
    t.regex(await rcptOf(configuration, "ANN.Lee+x@example.com"), /^250 /);
    t.regex(await rcptOf(configuration, "nobody@example.com"), /^550 5\.1\.1 /);
    const away = eximConfiguration(page.replaceAll(/inet:127\.0\.0\.1:\d+/g, "inet:127.0.0.1:9"));
    t.regex(await rcptOf(away, "ann@example.com"), /^451 4\.3\.0 /);
    const { code, stdout } = await exim(["-C", away, "-bt", "ann.lee@example.com"]);
    t.not(code, 0);
    t.regex(stdout, /cannot be resolved at this time/);
  },
);
