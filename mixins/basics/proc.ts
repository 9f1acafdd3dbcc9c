/** Linux's own account of a process, also for one that Deno gives permissions: it lets read /proc whoever may do all. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** Throws when there is no such file, or neither it nor `cat` is allowed. */
export function readProc(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as Error).name !== "NotCapable") throw error;
    return execFileSync("cat", [path], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  }
}
