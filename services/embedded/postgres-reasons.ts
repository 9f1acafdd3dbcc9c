/** Why the embedded PostgreSQL has ended, for whoever started it: its own last words, or the disk that let it say none. */
import { existsSync, readFileSync, statfsSync } from "node:fs";

/** One segment of PostgreSQL's log. When it needs the next and has no room for it, it stops itself. */
const roomBytesMin = 16 * 1024 * 1024;
const noSpace = /No space left on device|Disk quota exceeded|wrote only \d+ of \d+ bytes/;

/** Its log lies on the same disk, so that the disk has to be asked. */
export function isDiskFull(folder: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize < roomBytesMin;
  } catch {
    return false;
  }
}

/** The end of a sentence. */
export const diskIsFull = (folder: string): string => `the disk of ${folder} is full`;

/** Of a file that Node itself could not write. */
export const isNoSpace = (error: unknown): boolean =>
  ["ENOSPC", "EDQUOT"].includes(String((error as NodeJS.ErrnoException | null)?.code));

/** `logFile`: where the server writes; `since`: how long it was when the server started. */
export function reasonOfEnd(folder: string, logFile: string, since: number): string {
  const text = existsSync(logFile) ? readFileSync(logFile).subarray(since).toString("utf8").trimEnd() : "";
  if (noSpace.test(text) || isDiskFull(folder)) return diskIsFull(folder);
  const lines = text.split("\n");
  return lines.findLast((line) => /FATAL|PANIC|ERROR/.test(line)) || lines.at(-1) || "it says nothing";
}

/** Of initdb, whose last line says what it has cleaned up. */
export function reasonOfInitdb(folder: string, output: string): string {
  if (noSpace.test(output)) return diskIsFull(folder);
  const lines = output.trim().split("\n");
  return lines.find((line) => /FATAL|PANIC|error:/.test(line)) ?? lines.at(-1) ?? "it says nothing";
}
