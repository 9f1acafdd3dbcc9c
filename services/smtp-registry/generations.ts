/** Promise: a generation is given once, whoever asks (docs/adr/0038-a-generation-for-each-timeline.md). */
import type { Database } from "../../mixins/postgres/database.ts";
import { run } from "../../mixins/postgres/statement.ts";
import * as sql from "./users-sql.ts";

/** A number that was never given, greater than `above`. */
export async function giveGeneration(db: Database, above: number): Promise<{ generation: number }> {
  const [given] = await db.read((em) => run(em, sql.nextGeneration(above)));
  if (given === undefined) throw new Error("Cannot give a generation: the row that counts them is gone");
  return given;
}
