/**
 * Promise: whether a text is the one that is meant can be told, and the text can't be told, without the pepper: 244
 * random bits that each database makes for itself and that no statement returns.
 *
 * Whoever has the whole database has the pepper too and may try guesses, an address at a time (docs/adr/0046).
 */
import { defineEntity, p } from "@mikro-orm/core";
import { sql } from "kysely";
import type { Statement } from "./statement.ts";

export const PepperRow = defineEntity({
  name: "PepperRow",
  tableName: "erasure_peppers",
  properties: { id: p.integer().primary().autoincrement(false).default(1), pepper: p.blob() },
  checks: [{ name: "erasure_peppers_one_row_check", expression: "id = 1" }],
});

/**
 * Of a column or an expression of SQL; in the server, so that the pepper never leaves it. The secret comes first, which
 * lets a hash be extended; nobody is ever asked to believe one.
 */
export const keyedHash = (expression: string): Statement =>
  sql`sha256((select pepper from erasure_peppers where id = 1) || convert_to(${sql.raw(expression)}, 'UTF8'))`;
