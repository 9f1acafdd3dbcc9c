/**
 * Postfix, Exim and Haraka for the tests. The first two are installed ones or Debian's packages, unpacked: nothing of
 * the machine's own mail is touched. Haraka is an npm package with many of its own, which only one test file needs, so
 * it is not among ours: its lock is beside this file, and npm installs it into the user's cache.
 */
import { copyFileSync, existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { findProgram, type ProgramProvision, type ProgramWay, runProgram } from "./command.ts";
import { keptFolder, unpackedPackage } from "./packages.ts";

const systemFolders = ["/usr/sbin", "/usr/local/sbin"];
const installTimeoutMs = 5 * 60_000;

const provision = (place: string, how: string): ProgramProvision => ({
  place,
  how,
  stop: async () => {},
});

function named(variable: string): ProgramWay[] {
  const place = process.env[variable];
  return place ? [{ name: variable, attempt: async () => provision(place, `as ${variable} says`) }] : [];
}

/** For `LD_LIBRARY_PATH`: the folders of libraries below the root of an unpacked package. */
export const librariesOf = (folder: string): string =>
  globSync(["lib/*-linux-*", "usr/lib/*-linux-*", "usr/lib/postfix"], { cwd: folder })
    .map((name) => join(folder, name))
    .join(":");

/** Resolves with the root below which Postfix lies: `/`, or a folder. */
export const postfixWays = (): ProgramWay[] => [
  ...named("TEST_POSTFIX"),
  {
    name: "an installed Postfix",
    attempt: async () => {
      if (!existsSync("/usr/sbin/postmap")) throw new Error("there is no /usr/sbin/postmap");
      return provision("/", "installed; started in folders of the tests' own");
    },
  },
  {
    name: "the distribution's package postfix",
    attempt: async () => {
      const folder = await unpackedPackage("postfix", /^libpostfix/);
      return provision(folder, `the distribution's package, unpacked in ${folder}`);
    },
  },
];
export const postfixAdvice = "Postfix is needed: install the package postfix, it need not run";

const users = ["Debian-exim:x:990:990::/nonexistent:/bin/false", "root:x:0:0::/root:/bin/sh"];
const groups = ["Debian-exim:x:990:", "root:x:0:"];

/** Debian's Exim looks up its user by name before it does anything; an unpacked package has made none. */
async function unpackedExim(): Promise<ProgramProvision> {
  const folder = await unpackedPackage("exim4-daemon-light", /^libexim/);
  const wrapper = await unpackedPackage("libnss-wrapper", /^libnss-wrapper$/);
  const script = join(folder, "exim");
  const [passwd, group] = [join(folder, "passwd"), join(folder, "group")];
  writeFileSync(passwd, `${users.join("\n")}\n`);
  writeFileSync(group, `${groups.join("\n")}\n`);
  const variables = {
    LD_LIBRARY_PATH: `${librariesOf(folder)}:${librariesOf(wrapper)}`,
    LD_PRELOAD: "libnss_wrapper.so",
    NSS_WRAPPER_PASSWD: passwd,
    NSS_WRAPPER_GROUP: group,
  };
  const exports = Object.entries(variables).map(([name, value]) => `export ${name}='${value}'`);
  const command = `exec '${join(folder, "usr/sbin/exim4")}' "$@"`;
  writeFileSync(script, `#!/bin/sh\n${[...exports, command].join("\n")}\n`, { mode: 0o755 });
  const { code, stderr } = await runProgram(script, ["-bV", "-C", "/dev/null"]);
  if (code !== 0) throw new Error(stderr.trim().split("\n").at(-1) || "it can't be started");
  return provision(script, `the distribution's package, unpacked in ${folder}`);
}

/** Resolves with the program. */
export const eximWays = (): ProgramWay[] => [
  ...named("TEST_EXIM"),
  {
    name: "an installed Exim",
    attempt: async () => {
      const program = findProgram("exim4", systemFolders) ?? findProgram("exim", systemFolders);
      if (program === undefined) throw new Error("there is neither exim4 nor exim on the PATH");
      return provision(program, program);
    },
  },
  { name: "the distribution's package exim4-daemon-light", attempt: unpackedExim },
];
export const eximAdvice = "Exim is needed: install the package exim4-daemon-light, it need not run";

const haraka = fileURLToPath(new URL("haraka", import.meta.url));

/** As its lock says, and without what is optional or would be compiled. */
async function installHaraka(folder: string): Promise<void> {
  for (const name of ["package.json", "package-lock.json"])
    copyFileSync(join(haraka, name), join(folder, name));
  const npm = findProgram("npm", [dirname(process.execPath)]);
  if (npm === undefined) throw new Error("there is no npm on the PATH");
  const args = ["ci", "--omit=optional", "--ignore-scripts", "--no-audit", "--no-fund"];
  const { code, stderr } = await runProgram(npm, args, { cwd: folder, timeoutMs: installTimeoutMs });
  if (code !== 0) throw new Error(stderr.trim().split("\n").at(-1) || "npm ci failed");
  mkdirSync(join(folder, "node_modules"), { recursive: true });
}

/** Resolves with the script that starts it. */
export const harakaWays = (): ProgramWay[] => [
  ...named("TEST_HARAKA"),
  {
    name: "the npm package haraka",
    attempt: async () => {
      const { dependencies } = JSON.parse(readFileSync(join(haraka, "package.json"), "utf8"));
      const folder = await keptFolder(`haraka-${dependencies.haraka}`, installHaraka);
      return provision(join(folder, "node_modules/haraka/bin/haraka"), `the npm package in ${folder}`);
    },
  },
];
export const harakaAdvice =
  "Haraka is needed: npm must reach a registry, or set TEST_HARAKA to its bin/haraka";
