/**
 * Promise: each timeline of the database has a generation of its own, to which the registry has given a number that no
 * other has. Here it is looked up for a plan; whether it holds, the statement that commits says (sql.ts: saveWrites).
 */
import type { Logger } from "../../mixins/log/logging.ts";
import type { Database } from "../../mixins/postgres/database.ts";
import { ReadOnlyDatabase } from "../../mixins/postgres/database-faults.ts";
import { run } from "../../mixins/postgres/statement.ts";
import { Unavailable } from "../contracts/errors.ts";
import * as sql from "./sql.ts";

/** Another process may be first each time; more often than once it needs another failover. */
const attemptsMax = 3;

/** That of a version which is decided on now; write.ts asks for it without a wait while it is known. */
export interface Generation {
  /** As far as this process knows. */
  readonly known: number | undefined;
  /** Rejects with Unavailable. */
  look(): Promise<number>;
  /** Begins another one on the same timeline: a restore into the same database shows nowhere. Rejects with Unavailable. */
  begin(): Promise<number>;
  /** A commit was refused, so it may be another one. */
  forget(): void;
}

export interface GenerationDeps {
  readonly db: Database;
  /** The registry's answer: a number above this one that it has never given. Rejects with Unavailable. */
  readonly give: (above: number) => Promise<number>;
  /** Called by the one process that began a generation: something may be lost. */
  readonly begun?: () => void;
  readonly log: Logger;
}

/** For one process of users. */
export function generations(deps: GenerationDeps): Generation {
  let looking: Promise<number> | undefined;
  const generation: { known: number | undefined } & Generation = {
    known: undefined,
    async look() {
      looking ??= look(deps).finally(() => {
        looking = undefined;
      });
      generation.known = await looking;
      return generation.known;
    },
    async begin() {
      generation.known = await look(deps, true);
      return generation.known;
    },
    forget() {
      generation.known = undefined;
    },
  };
  return generation;
}

/** Begins one where the timeline is another than the last one's, or where somebody asks for it. */
async function look({ db, give, begun: tell, log }: GenerationDeps, isAsked = false): Promise<number> {
  for (let attempt = 1; attempt <= attemptsMax; attempt += 1) {
    const { generation, timeline, here } = await read(db);
    if (timeline === here && !isAsked) return generation;
    const given = await give(generation);
    const [begun] = await db.read((em) => run(em, sql.beginGeneration({ own: generation, given, here })));
    if (begun === undefined) continue;
    log.warn({ generation: begun.generation, before: timeline, timeline: here }, "a generation begins");
    tell?.();
    return begun.generation;
  }
  throw new Unavailable("users", `The timeline of the database changed ${attemptsMax} times`);
}

const read = (db: Database) =>
  db.read(async (em) => {
    const [row] = await run(em, sql.readGeneration);
    if (row === undefined) throw new Error("Cannot tell the generation: its row is gone");
    const { here, ...own } = row;
    if (here === null) throw new ReadOnlyDatabase("Cannot tell the generation: the database is read-only");
    return { ...own, here };
  });
