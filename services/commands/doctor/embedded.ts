/** Finds the embedded PostgreSQL of a system that runs, as its data folder tells. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { embeddedDatabaseUrls } from "../../embedded/embedded-postgres.ts";

/** undefined when there is none, or the folder is not ours to read. */
export function runningEmbeddedPostgres(
  dataDir: string,
): ReturnType<typeof embeddedDatabaseUrls> | undefined {
  try {
    // The fourth line of postmaster.pid is the port.
    const port = Number(readFileSync(join(dataDir, "postgres/postmaster.pid"), "utf8").split("\n")[3]);
    const password = readFileSync(join(dataDir, "postgres.password"), "utf8").trim();
    return Number.isSafeInteger(port) ? embeddedDatabaseUrls({ password }, port) : undefined;
  } catch {
    return undefined;
  }
}
