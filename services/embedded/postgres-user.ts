/**
 * As whom the embedded PostgreSQL runs: as ourselves, or, because PostgreSQL refuses root, as the account
 * `postgres`, which is made when it is missing.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { StartError } from "../contracts/exits.ts";

export interface PostgresUser {
  /** undefined: our own. */
  readonly ids: { readonly uid: number; readonly gid: number } | undefined;
  /** Turns a command of PostgreSQL into one that may be spawned as this user. */
  command(program: string, args: readonly string[]): { program: string; args: string[] };
}

const account = "postgres";

function accountIds(): { uid: number; gid: number } | undefined {
  const line = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .find((entry) => entry.startsWith(`${account}:`));
  const [, , uid, gid] = line?.split(":") ?? [];
  return uid === undefined || gid === undefined ? undefined : { uid: Number(uid), gid: Number(gid) };
}

function makeAccount(): { uid: number; gid: number } {
  spawnSync("useradd", ["--system", "--user-group", "--no-create-home", "--shell", "/bin/false", account]);
  const ids = accountIds();
  if (ids === undefined)
    throw new StartError(
      `Cannot start the embedded PostgreSQL as root: the account ${account} is missing and can't be made (run as another user, or set DATABASE_URL and REGISTRY_DATABASE_URL)`,
    );
  return ids;
}

const plain: PostgresUser["command"] = (program, args) => ({ program, args: [...args] });

/** A clone under root's home can't be entered by anyone else: there PostgreSQL keeps root's right to enter folders. */
const throughClosedFolders =
  ({ uid, gid }: { uid: number; gid: number }): PostgresUser["command"] =>
  (program, args) => ({
    program: "setpriv",
    args: [
      `--reuid=${uid}`,
      `--regid=${gid}`,
      "--clear-groups",
      "--inh-caps=+dac_override",
      "--ambient-caps=+dac_override",
      // Without it access(2), by which initdb looks for its sibling, leaves the right aside.
      "--securebits=+no_setuid_fixup",
      program,
      ...args,
    ],
  });

/** Throws StartError when root can't hand PostgreSQL over to anyone. */
export function postgresUser(program: string, dataDir: string): PostgresUser {
  if (process.getuid?.() !== 0) return { ids: undefined, command: plain };
  const ids = accountIds() ?? makeAccount();
  const reaches = spawnSync("/bin/sh", ["-c", 'cd "$1" && "$2" --version', "sh", dataDir, program], ids);
  if (reaches.status === 0) return { ids, command: plain };
  const command = throughClosedFolders(ids);
  const tried = command(program, ["--version"]);
  const { status, stderr, error } = spawnSync(tried.program, tried.args, { encoding: "utf8" });
  if (status !== 0) {
    const said = error?.message ?? stderr.trim().split("\n", 1)[0];
    throw new StartError(
      `Cannot start the embedded PostgreSQL as root: the account ${account} can't run ${program} in ${dataDir} (run as another user, or elsewhere): ${said}`,
    );
  }
  return { ids, command };
}

/** Options for spawning a command made by `user.command`; setpriv changes the user itself. */
export const idsFor = (user: PostgresUser, program: string) => (program === "setpriv" ? {} : user.ids);
