/** A disk of a test's own that can be filled. Only root may make one; anybody else is told that this was not tested. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ExecutionContext } from "ava";

export interface SmallDisk {
  readonly folder: string;
  /** Leaves no byte free. */
  fill(): void;
  /** Gives back what `fill` took. */
  free(): void;
  remove(): void;
}

const megabyte = Buffer.alloc(1024 * 1024);

function fillWith(file: string): void {
  for (let piece = megabyte; piece.length > 0; )
    try {
      writeFileSync(file, piece, { flag: "a" });
    } catch {
      // Some of it may have been written; a smaller piece may still fit.
      piece = piece.subarray(0, Math.floor(piece.length / 2));
    }
}

/** undefined where the system lets us mount nothing; the log of the test says so then. */
export function smallDisk(t: ExecutionContext, megabytes: number): SmallDisk | undefined {
  const folder = mkdtempSync(join(tmpdir(), "mailroster-disk-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m`, "tmpfs", folder], { stdio: "pipe" });
  } catch (error) {
    rmdirSync(folder);
    t.log(`NOT TESTED: no disk can be mounted here (${(error as Error).message.split("\n")[0]}); root may`);
    return undefined;
  }
  const filler = join(folder, "filler");
  return {
    folder,
    fill: () => fillWith(filler),
    free: () => rmSync(filler, { force: true }),
    remove() {
      execFileSync("umount", [folder]);
      rmdirSync(folder);
    },
  };
}
