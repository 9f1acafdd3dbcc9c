/**
 * A Postfix of a test's own: its programs are those of the machine or of an unpacked package, its configuration, queue
 * and log lie in one folder, and its one port is on loopback. The Postfix of the machine is neither asked nor touched.
 */
import { spawn } from "node:child_process";
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "./eventually.ts";
import { fixedPort } from "./fixed-port.ts";
import { type Outcome, runProgram, stopChild } from "./provision/command.ts";
import { librariesOf, postfixAdvice } from "./provision/mail-servers.ts";
import { smtpClient } from "./smtp.ts";

export interface Postfix {
  readonly smtpPort: number;
  /** What a shell needs to ask it: `postmap`, `postconf` and its configuration. */
  readonly environment: Readonly<Record<string, string>>;
  postmap(args: readonly string[], input?: string): Promise<Outcome>;
  log(): string;
  stop(): Promise<void>;
}

/** Master refuses anybody else, because it starts its daemons as other users. */
export const mayStartPostfix = (): boolean => process.getuid?.() === 0;

const services = [
  "cleanup unix n - n - 0 cleanup",
  "qmgr unix n - n 300 1 qmgr",
  "rewrite unix - - n - - trivial-rewrite",
  ...["bounce", "defer", "trace"].map((name) => `${name} unix - - n - 0 bounce`),
  "proxymap unix - - n - - proxymap",
  ...["error", "retry"].map((name) => `${name} unix - - n - - error`),
  "lmtp unix - - n - - lmtp",
  "anvil unix - - n - 1 anvil",
  "postlog unix-dgram n - n - 1 postlogd",
];
const queues = ["active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "saved"];

/** Users of every Debian that are not Postfix's own, which an unpacked package has not made. */
const [mailOwner, setgidGroup, ownerId] = ["daemon", "mail", 1] as const;

function settingsIn(home: string, root: string): string[] {
  const daemons = ["usr/lib/postfix/sbin", "usr/libexec/postfix"].map((name) => join(root, name));
  return [
    "compatibility_level = 3.6",
    `queue_directory = ${home}/queue`,
    `data_directory = ${home}/data`,
    `daemon_directory = ${daemons.find((folder) => existsSync(folder)) ?? daemons[0]}`,
    `command_directory = ${join(root, "usr/sbin")}`,
    "shlib_directory = no",
    `meta_directory = ${join(root, "usr/share/postfix")}`,
    `mail_owner = ${mailOwner}`,
    `setgid_group = ${setgidGroup}`,
    "import_environment = MAIL_CONFIG LD_LIBRARY_PATH LANG=C",
    "maillog_file = /dev/stdout",
    "inet_interfaces = 127.0.0.1",
    "inet_protocols = ipv4",
    "myhostname = mx.example.net",
    "mydestination =",
    "alias_maps =",
    "alias_database =",
    "mynetworks =",
    "smtpd_peername_lookup = no",
    // Who is refused often is neither slowed down nor put out here.
    "smtpd_error_sleep_time = 0",
    "smtpd_soft_error_limit = 10000000",
    "smtpd_hard_error_limit = 10000000",
    "smtpd_junk_command_limit = 10000000",
  ];
}

function makeFolder(path: string): void {
  mkdirSync(path);
  if (mayStartPostfix()) chownSync(path, ownerId, ownerId);
}

/** The configuration alone, which `postmap` and `postconf` need; nothing runs. */
export async function configuredPostfix(settings: readonly string[]): Promise<Postfix & { home: string }> {
  const root = process.env.TEST_POSTFIX;
  if (!root) throw new Error(postfixAdvice);
  const home = mkdtempSync(join(tmpdir(), "mailroster-postfix-"));
  chmodSync(home, 0o755); // its daemons are other users
  const smtpPort = await fixedPort();
  mkdirSync(join(home, "etc"));
  mkdirSync(join(home, "queue"));
  makeFolder(join(home, "data"));
  for (const name of [...queues, "private", "trace", "maildrop", "public"])
    makeFolder(join(home, "queue", name));
  mkdirSync(join(home, "queue/pid"));
  writeFileSync(join(home, "etc/main.cf"), `${[...settingsIn(home, root), ...settings].join("\n")}\n`);
  const smtpd = `127.0.0.1:${smtpPort} inet n - n - - smtpd`;
  writeFileSync(join(home, "etc/master.cf"), `${[smtpd, ...services].join("\n")}\n`);
  const environment = {
    PATH: `${join(root, "usr/sbin")}:${process.env.PATH}`,
    MAIL_CONFIG: join(home, "etc"),
    ...(root === "/" ? {} : { LD_LIBRARY_PATH: librariesOf(root) }),
  };
  return {
    home,
    smtpPort,
    environment,
    postmap: (args, input) =>
      runProgram(join(root, "usr/sbin/postmap"), args, {
        env: { ...process.env, ...environment },
        ...(input === undefined ? {} : { input }),
      }),
    log: () => "",
    stop: async () => rmSync(home, { recursive: true, force: true }),
  };
}

/** Answers on its port when this resolves. */
export async function postfix(settings: readonly string[]): Promise<Postfix> {
  const configured = await configuredPostfix(settings);
  const { home, environment, smtpPort } = configured;
  const master = join(
    settingOf(settingsIn(home, process.env.TEST_POSTFIX ?? "/"), "daemon_directory"),
    "master",
  );
  // A file: its log daemon opens /dev/stdout anew, which the socket that Node calls a pipe can't be, and then all wait.
  const file = join(home, "log");
  const output = openSync(file, "a");
  const child = spawn(master, ["-c", join(home, "etc"), "-s"], {
    cwd: join(home, "queue"),
    env: { ...process.env, ...environment },
    stdio: ["ignore", output, output],
  });
  closeSync(output);
  child.on("error", () => {}); // shows as not answering
  const log = () => readFileSync(file, "utf8");
  const stop = async () => {
    await stopChild(child, "SIGTERM");
    await configured.stop();
  };
  try {
    await eventually(async () => (await smtpClient(smtpPort)).end());
  } catch (error) {
    const said = log();
    await stop();
    throw new Error(`Postfix does not answer:\n${said}`, { cause: error });
  }
  return { ...configured, log, stop };
}

const settingOf = (settings: readonly string[], name: string): string =>
  settings.find((line) => line.startsWith(`${name} = `))?.slice(name.length + 3) ?? "";
