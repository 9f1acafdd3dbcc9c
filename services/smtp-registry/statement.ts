/** Runs a statement with named parameters: `:name` in the text, a list or an object as one JSON document. */
import type { EntityManager } from "../../mixins/database.ts";

export type Parameter = string | number | boolean | null | Date | readonly unknown[];

/** `::type` is a cast, not a name. */
const parameterName = /(?<!:):([a-zA-Z]+)/g;

const encode = (value: Parameter): unknown => {
  if (value instanceof Date) return value.toISOString();
  return Array.isArray(value) ? JSON.stringify(value) : value;
};

/** The rows, as the server names them. Rejects with the driver's error; a name that is not given is a defect. */
export async function run<Row = never>(
  em: EntityManager,
  statement: string,
  parameters: Readonly<Record<string, Parameter>>,
): Promise<Row[]> {
  const values: unknown[] = [];
  const text = statement.replace(parameterName, (_, name: string) => {
    const value = parameters[name];
    if (value === undefined) throw new TypeError(`Cannot run a statement: parameter ${name} is not given`);
    values.push(encode(value));
    return "?";
  });
  return (await em.execute(text, values)) as Row[];
}
