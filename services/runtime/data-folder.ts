/**
 * Promise: one process at a time uses a data folder, however the one before it ended.
 *
 * The lock is a file that names its owner. A pid alone would lie after a restart of the machine or in a container
 * (where the same small pids come again), so the owner's start time stands beside it: a lock whose owner does not
 * live any more is taken over.
 */
import { execFileSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { readProc } from "../../mixins/basics/proc.ts";
import { StartError, UnreachableError } from "../contracts/exits.ts";
import { diskIsFull, isNoSpace } from "../embedded/postgres-reasons.ts";

/** Where `npm run repl` finds the running system. */
export interface ReplDoor {
  readonly nodeId: string;
  readonly port: number;
  /** Whoever can read the lock file may join. */
  readonly secret: string;
}

export interface LockOwner {
  readonly pid: number;
  readonly birth: string;
  readonly door?: ReplDoor;
}

export interface DataFolder {
  readonly path: string;
  /** Tells later processes how to join this one. */
  publish(door: ReplDoor): void;
  release(): void;
}

const lockName = "mailroster.lock";
const takeoversMax = 5;

/** What tells a process from an earlier one with the same pid; empty when no such process lives. */
function birthOf(pid: number): string {
  try {
    if (process.platform === "linux") {
      const stat = readProc(`/proc/${pid}/stat`);
      // The command's name may hold spaces and parentheses; after it the 20th field is the start time.
      const startTicks = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
      return `${readProc("/proc/sys/kernel/random/boot_id").trim()}/${startTicks}`;
    }
    return execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8" }).trim();
  } catch (error) {
    const { name, code } = error as NodeJS.ErrnoException;
    // Who may not look must not take a living owner for a dead one.
    if (name === "NotCapable" || code === "ERR_ACCESS_DENIED") throw error;
    return "";
  }
}

function readLock(path: string): LockOwner | undefined {
  try {
    const owner = JSON.parse(readFileSync(path, "utf8")) as LockOwner;
    return Number.isSafeInteger(owner.pid) ? owner : undefined;
  } catch {
    return undefined;
  }
}

const lives = (owner: LockOwner | undefined): owner is LockOwner =>
  owner !== undefined && owner.birth !== "" && birthOf(owner.pid) === owner.birth;

/** Who uses the folder now, if anyone. Throws UnreachableError when only another user of the machine may know. */
export function ownerOf(dataDir: string): LockOwner | undefined {
  const lock = join(resolve(dataDir), lockName);
  try {
    closeSync(openSync(lock, "r"));
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "EACCES" || code === "EPERM")
      throw new UnreachableError(
        `Cannot look into the data folder ${dataDir}: only the user who runs its system may read ${lockName} (${code})`,
        { cause },
      );
  }
  const owner = readLock(lock);
  return lives(owner) ? owner : undefined;
}

function inUse(dataDir: string, owner: LockOwner): StartError {
  return new StartError(
    `Cannot use the data folder ${dataDir}: it is in use by the mailroster with pid ${owner.pid} (stop that one, or set DATA_DIR)`,
  );
}

/** For our own eyes alone. Not `recursive`: under /proc, which refuses with ENOENT although it is there, Node then tries for ever. */
function makeFolders(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST" && statSync(path).isDirectory()) return;
    if (code !== "ENOENT" || existsSync(dirname(path))) throw error;
    makeFolders(dirname(path));
    makeFolders(path);
  }
}

function prepare(path: string): void {
  try {
    makeFolders(path);
  } catch (cause) {
    throw new StartError(`Cannot use the data folder ${path}: it can't be created (set DATA_DIR)`, { cause });
  }
}

/** Takes the folder, or throws StartError that names who has it. */
export function takeDataFolder(dataDir: string): DataFolder {
  const path = resolve(dataDir);
  const lock = join(path, lockName);
  const own = `${lock}.${process.pid}`;
  const me: LockOwner = { pid: process.pid, birth: birthOf(process.pid) };
  const write = (owner: LockOwner) =>
    writeFileSync(own, `${JSON.stringify(owner)}\n`, { mode: 0o600, flush: true });
  prepare(path);
  try {
    write(me);
  } catch (cause) {
    const why = isNoSpace(cause) ? diskIsFull(path) : "it can't be written to (set DATA_DIR)";
    throw new StartError(`Cannot use the data folder ${path}: ${why}`, { cause });
  }
  try {
    for (let takeover = 0; ; takeover += 1) {
      try {
        linkSync(own, lock); // atomic: fails when the lock exists
        break;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST" || takeover === takeoversMax) throw error;
      }
      const owner = readLock(lock);
      if (lives(owner)) throw inUse(path, owner);
      removeStale(lock, path);
    }
  } finally {
    rmSync(own, { force: true });
  }
  return {
    path,
    publish(door) {
      write({ ...me, door });
      renameSync(own, lock);
    },
    release() {
      if (readLock(lock)?.birth === me.birth) rmSync(lock, { force: true });
    },
  };
}

/** Moves the lock aside and looks again, because another starter may have replaced it since it was read. */
function removeStale(lock: string, path: string): void {
  const aside = `${lock}.stale.${process.pid}`;
  try {
    renameSync(lock, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  const owner = readLock(aside);
  if (!lives(owner)) {
    rmSync(aside, { force: true });
    return;
  }
  renameSync(aside, lock);
  throw inUse(path, owner);
}
