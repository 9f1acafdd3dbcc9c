/** Processes of engines with all that they have started: postmasters and their backends, Erlang and its helpers. */
import { readdirSync, readFileSync } from "node:fs";

interface Row {
  readonly pid: number;
  readonly parent: number;
}

/** By Linux's /proc; the name of a program may hold spaces and brackets, so the fields begin behind the last one. */
function allProcesses(): Row[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, "utf8");
        const [, parent] = stat
          .slice(stat.lastIndexOf(")") + 2)
          .split(" ")
          .map(Number);
        return parent === undefined ? [] : [{ pid: Number(name), parent }];
      } catch {
        return []; // it has ended meanwhile
      }
    });
}

/** The process and all below it, parents first; empty without one. */
export function treeOf(pid: number | undefined): number[] {
  if (pid === undefined) return [];
  const children = Map.groupBy(allProcesses(), ({ parent }) => parent);
  const tree = [pid];
  for (const each of tree) tree.push(...(children.get(each) ?? []).map((child) => child.pid));
  return tree;
}

export function signalAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids)
    try {
      process.kill(pid, signal);
    } catch {
      // it has ended meanwhile
    }
}

export const signalTree = (pid: number | undefined, signal: NodeJS.Signals): void =>
  signalAll(treeOf(pid), signal);

export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
