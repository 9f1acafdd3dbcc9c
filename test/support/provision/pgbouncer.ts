/** A PgBouncer that is new enough: the environment's, an installed one, or Debian 13's package, unpacked. */
import { globSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { findProgram, runProgram } from "./command.ts";
import { packagesOfRelease } from "./packages.ts";

/** The first one that keeps prepared statements apart in transaction mode. */
const oldestUsable = [1, 21] as const;
const advice = `PgBouncer ${oldestUsable.join(".")} or later is needed: install one, or name it by PGBOUNCER`;

/** With all that it needs of its release. */
const packages = [
  ...["pgbouncer", "libc6", "libcares2", "libevent-2.1-7t64", "libpam0g", "libssl3t64", "libsystemd0"],
  ...["libaudit1", "libcap-ng0", "libcap2", "libzstd1", "zlib1g", "libgcc-s1"],
];

/** Rejects with why it is none. */
async function usable(path: string | undefined): Promise<string> {
  if (path === undefined) throw new Error("there is no pgbouncer on the PATH");
  const { stdout, stderr } = await runProgram(path, ["--version"]);
  const [version, major, minor] = /PgBouncer (\d+)\.(\d+)/.exec(stdout) ?? [];
  if (version === undefined) throw new Error(`${path} can't be started: ${stderr.trim()}`);
  if (Number(major) * 1_000 + Number(minor) < oldestUsable[0] * 1_000 + oldestUsable[1])
    throw new Error(`${path} is ${major}.${minor}`);
  return path;
}

/** Started by a script that knows its libraries. */
async function unpacked(): Promise<string> {
  const root = join(await packagesOfRelease("trixie", packages), "usr");
  const [loader] = globSync("lib/*-linux-*/ld-linux-*.so.*", { cwd: root });
  if (loader === undefined) throw new Error("the C library of Debian 13 comes without a loader");
  const script = join(root, "pgbouncer");
  const command = [
    join(root, loader),
    "--library-path",
    dirname(join(root, loader)),
    join(root, "sbin/pgbouncer"),
  ];
  const quoted = command.map((word) => `'${word}'`).join(" ");
  writeFileSync(script, `#!/bin/sh\nexec ${quoted} "$@"\n`, { mode: 0o755 });
  return usable(script);
}

/** Its path; rejects with what to install. */
export async function pgbouncerProgram(): Promise<string> {
  const named = process.env.PGBOUNCER;
  const folders = ["/usr/sbin", "/usr/local/sbin"];
  const reasons: string[] = [];
  for (const way of [() => usable(named || findProgram("pgbouncer", folders)), unpacked])
    try {
      return await way();
    } catch (error) {
      reasons.push((error as Error).message);
    }
  throw new Error(`${advice} (${reasons.join("; ")})`);
}
