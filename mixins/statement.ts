/**
 * Promise: a statement that is run all the time travels apart from its values, so that the server parses and plans it
 * once a connection (database-client.ts). MikroORM's `em.execute` writes the values into the text: each call is a text
 * of its own to be parsed and planned, whole bodies of events in it.
 *
 * `?` in the text is the next of a list of parameters; `:name` is a named one, sent once however often it stands there.
 * Lists and objects of named parameters travel as one JSON document. It joins the unit of work it is given.
 * The text must be a constant.
 */
import { CompiledQuery } from "kysely";
import type { EntityManager } from "./database.ts";

export type Parameter = string | number | boolean | null | Date | readonly unknown[];

interface Compiled {
  readonly text: string;
  /** The names by place; undefined: the parameters are a list. */
  readonly names: readonly string[] | undefined;
}

/** `::type` is a cast, not a name. */
const placeholder = /\?|(?<!:):([a-zA-Z]+)/g;
const compiled = new Map<string, Compiled>();

function compile(statement: string): Compiled {
  const names: string[] = [];
  let places = 0;
  const text = statement.replace(placeholder, (_, name: string | undefined) => {
    if (name === undefined) return `$${++places}`;
    const known = names.indexOf(name);
    return `$${known < 0 ? names.push(name) : known + 1}`;
  });
  return { text, names: places === 0 && names.length > 0 ? names : undefined };
}

function compiledOf(statement: string): Compiled {
  const known = compiled.get(statement);
  if (known !== undefined) return known;
  const result = compile(statement);
  compiled.set(statement, result);
  return result;
}

const encode = (value: unknown): unknown => {
  if (value instanceof Date) return value.toISOString();
  return Array.isArray(value) ? JSON.stringify(value) : value;
};

function valuesOf(
  { names }: Compiled,
  parameters: readonly unknown[] | Readonly<Record<string, Parameter>>,
): unknown[] {
  if (Array.isArray(parameters)) return [...parameters];
  return (names ?? []).map((name) => {
    const value = (parameters as Readonly<Record<string, Parameter>>)[name];
    if (value === undefined) throw new TypeError(`Cannot run a statement: parameter ${name} is not given`);
    return encode(value);
  });
}

/** The rows, as the server names them. Rejects with MikroORM's error; a name that is not given is a defect. */
export async function run<Row = never>(
  em: EntityManager,
  statement: string,
  parameters: readonly unknown[] | Readonly<Record<string, Parameter>>,
): Promise<Row[]> {
  const query = compiledOf(statement);
  const values = valuesOf(query, parameters);
  const startedAt = performance.now();
  const tell = (level: "info" | "error", rows?: number): void =>
    em.config.getLogger().logQuery({
      query: query.text,
      took: performance.now() - startedAt,
      level: level === "error" ? "error" : undefined,
      ...(rows === undefined ? {} : { results: rows }),
    } as never);
  try {
    const { rows } = await em.getKysely().executeQuery(CompiledQuery.raw(query.text, values));
    tell("info", rows.length);
    return rows as Row[];
  } catch (error) {
    tell("error");
    throw em.getDriver().convertException(error as Error);
  }
}
