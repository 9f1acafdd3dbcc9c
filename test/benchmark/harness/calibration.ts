/** Two fixed tasks, timed between the rounds: whatever their times differ by is the machine's doing, not the system's. */
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Calibration } from "./part.ts";

const iterations = 30_000_000;
const syncs = 20;
const pageBytes = 8_192;

/** What the loop computes, kept so that no compiler leaves it out. */
let kept = 0;

function cpuMs(): number {
  const startedAt = performance.now();
  let value = 1;
  for (let n = 0; n < iterations; n += 1) value = (Math.imul(value, 1_664_525) + 1_013_904_223) | 0;
  kept = value;
  return performance.now() - startedAt;
}

/** A PostgreSQL page written and synced, as a commit does; mean of `syncs`. */
function fsyncMs(file: number): number {
  const page = Buffer.alloc(pageBytes, kept & 0xff);
  const startedAt = performance.now();
  for (let n = 0; n < syncs; n += 1) {
    writeSync(file, page, 0, pageBytes, n * pageBytes);
    fdatasyncSync(file);
  }
  return (performance.now() - startedAt) / syncs;
}

export interface Calibrator {
  measure(): Calibration;
  close(): void;
}

/** Its file lies where the servers have their data. */
export function calibrator(): Calibrator {
  const folder = mkdtempSync(join(tmpdir(), "mailroster-bench-"));
  const file = openSync(join(folder, "sync"), "w");
  cpuMs(); // compiled from here on
  return {
    measure: () => ({ cpuMs: cpuMs(), fsyncMs: fsyncMs(file) }),
    close() {
      closeSync(file);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
