/**
 * Promise: a statement that is run all the time travels apart from its values, so that the server parses and plans it
 * once a connection (database-client.ts). MikroORM's `em.execute` writes the values into the text: each call is a text
 * of its own to be parsed and planned, whole bodies of events in it.
 *
 * A statement is written with kysely's tag `sql`: what stands in `${…}` is a parameter, sent as often as it stands there,
 * or another piece of SQL. The text between must be the same for each call. A list travels as one JSON document (`json`) or
 * as an array of the server's. Rows come with their names in camelCase, `timestamptz` as a Date. It joins the unit of work
 * it is given. Which statements are hot, and which files may hold any, says docs/architecture.md.
 */
import type { PostgreSqlDriver, SqlEntityManager } from "@mikro-orm/postgresql";
import {
  CamelCasePlugin,
  type CompiledQuery,
  createQueryId,
  PostgresQueryCompiler,
  type QueryResult,
  type RawBuilder,
  sql,
} from "kysely";

export type EntityManager = SqlEntityManager<PostgreSqlDriver>;

/** What the tag makes, with the type of its rows: `sql<Row>`. */
export type Statement<Row = unknown> = RawBuilder<Row>;

type RowOf<S> = S extends Statement<infer Row> ? Row : never;

/** A value as one JSON document; members of objects that are columns are called as these. */
export const json = (value: unknown): Statement => sql`${JSON.stringify(value)}::jsonb`;

/** 4 µs for the longest, with its pieces, 0.4 µs for a short one: no text is kept. */
const compiler = new PostgresQueryCompiler();
/** 0.2 µs a row. What is in a document stays as it is. */
const camelCase = new CamelCasePlugin({ maintainNestedObjectKeys: true });

/** As pg takes it. Throws TypeError for a parameter that is undefined. */
export function compile(statement: Statement): CompiledQuery {
  const query = compiler.compileQuery(statement.toOperationNode() as never, createQueryId());
  if (query.parameters.includes(undefined))
    throw new TypeError(`Cannot run a statement: a parameter is not given: ${query.sql.trim().slice(0, 80)}`);
  return query;
}

/** The rows. Rejects with MikroORM's error; a parameter that is undefined is a defect. */
export async function run<Row>(em: EntityManager, statement: Statement<Row>): Promise<Row[]> {
  const [rows] = await runInTurn(em, [statement]);
  return rows;
}

/**
 * The rows of each of some statements of one transaction. The server runs them one after the other, each with a snapshot
 * of its own, but nobody waits in between: they cost one round trip. So none can be given what another found but in a
 * setting of the transaction. Rejects with the first one's error that failed, which has ended the transaction.
 */
export async function runInTurn<const S extends readonly Statement[]>(
  em: EntityManager,
  statements: S,
): Promise<{ -readonly [At in keyof S]: RowOf<S[At]>[] }> {
  const results = await send(em, statements.map(compile));
  const queryId = createQueryId();
  const rows = await Promise.all(
    results.map(async (result) => (await camelCase.transformResult({ queryId, result })).rows),
  );
  return rows as never;
}

/** The results as the server gives them. */
async function send(
  em: EntityManager,
  queries: readonly CompiledQuery[],
): Promise<QueryResult<Record<string, unknown>>[]> {
  const results = await em
    .getKysely()
    .getExecutor()
    .provideConnection((connection) =>
      Promise.allSettled(
        queries.map((query) => told(em, query.sql, connection.executeQuery<Record<string, unknown>>(query))),
      ),
    );
  return results.map((result) => {
    if (result.status === "rejected") throw em.getDriver().convertException(result.reason as Error);
    return result.value;
  });
}

/** As MikroORM tells the statements that it makes itself. */
async function told<R extends { readonly rows: readonly unknown[] }>(
  em: EntityManager,
  query: string,
  running: Promise<R>,
): Promise<R> {
  const startedAt = performance.now();
  const tell = (outcome: { level: "error" } | { results: number }): void =>
    em.config.getLogger().logQuery({ query, took: performance.now() - startedAt, ...outcome } as never);
  try {
    const result = await running;
    tell({ results: result.rows.length });
    return result;
  } catch (error) {
    tell({ level: "error" });
    throw error;
  }
}
