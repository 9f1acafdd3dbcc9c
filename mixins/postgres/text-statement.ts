/** The statements that are still texts with placeholders; each is to become one of statement.ts. */
import { CompiledQuery } from "kysely";
import { type EntityManager, send } from "./statement.ts";

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

const encode = (value: unknown): unknown => {
  if (value instanceof Date) return value.toISOString();
  return Array.isArray(value) ? JSON.stringify(value) : value;
};

function valuesOf({ names }: Compiled, parameters: Parameters): unknown[] {
  if (Array.isArray(parameters)) return [...parameters];
  return (names ?? []).map((name) => {
    const value = (parameters as Readonly<Record<string, Parameter>>)[name];
    if (value === undefined) throw new TypeError(`Cannot run a statement: parameter ${name} is not given`);
    return encode(value);
  });
}

export type Parameters = readonly unknown[] | Readonly<Record<string, Parameter>>;

export interface Statement {
  readonly text: string;
  readonly parameters: Parameters;
}

/** As pg takes it. Throws TypeError for a name that is not given. */
export function prepared({ text, parameters }: Statement): { text: string; values: unknown[] } {
  const known = compiled.get(text) ?? compile(text);
  compiled.set(text, known);
  return { text: known.text, values: valuesOf(known, parameters) };
}

/** The rows, as the server names them. Rejects with MikroORM's error; a name that is not given is a defect. */
export async function run<Row = never>(
  em: EntityManager,
  text: string,
  parameters: Parameters,
): Promise<Row[]> {
  const [rows = []] = await runInTurn(em, [{ text, parameters }]);
  return rows as Row[];
}

/**
 * The rows of each of some statements of one transaction. The server runs them one after the other, each with a snapshot
 * of its own, but nobody waits in between: they cost one round trip. So none can be given what another found but in a
 * setting of the transaction. Rejects with the first one's error that failed, which has ended the transaction.
 */
export async function runInTurn(
  em: EntityManager,
  statements: readonly Statement[],
): Promise<readonly (readonly unknown[])[]> {
  const queries = statements.map((statement) => {
    const { text, values } = prepared(statement);
    return CompiledQuery.raw(text, values);
  });
  return (await send(em, queries)).map(({ rows }) => rows);
}
