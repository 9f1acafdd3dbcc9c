/** Reads and checks one environment variable each; every fault becomes one sentence that names the variable. */

export type Environment = Record<string, string | undefined>;

/** The start can't go on; the message is for the operator and never holds a secret's value. */
export class ConfigError extends Error {
  override name = "ConfigError";
}

/** The error of one variable. */
export const fault = (name: string, problem: string, cause?: unknown): ConfigError =>
  new ConfigError(`${name} ${problem}`, { cause });

interface IntegerRange {
  readonly min: number;
  readonly max: number;
}

function parseInteger(name: string, text: string, { min, max }: IntegerRange): number {
  const value = Number(text);
  if (!/^\d+$/.test(text.trim()) || value < min || value > max)
    throw fault(name, `must be a whole number from ${min} to ${max}`);
  return value;
}

/** A whole number within bounds. */
export function integer(env: Environment, name: string, range: IntegerRange & { fallback: number }): number {
  const text = env[name];
  return text === undefined || text === "" ? range.fallback : parseInteger(name, text, range);
}

/** Whole numbers separated by commas. */
export function integers(
  env: Environment,
  name: string,
  range: IntegerRange & { fallback: number[] },
): number[] {
  const text = env[name];
  return text === undefined || text === ""
    ? range.fallback
    : text.split(",").map((item) => parseInteger(name, item, range));
}

/** One of a fixed set of words. */
export function oneOf<const T extends string>(
  env: Environment,
  name: string,
  words: readonly T[],
  fallback: T,
): T {
  const text = env[name];
  if (text === undefined || text === "") return fallback;
  const found = words.find((word) => word === text);
  if (found === undefined) throw fault(name, `must be one of ${words.join(", ")}`);
  return found;
}

/** Words of a fixed set separated by commas; all of them when unset. */
export function list<const T extends string>(
  env: Environment,
  name: string,
  words: readonly T[],
): readonly T[] {
  const text = env[name];
  if (text === undefined || text === "") return words;
  const wanted = text.split(",").map((item) => item.trim());
  const unknown = wanted.find((item) => !words.some((word) => word === item));
  if (unknown !== undefined) throw fault(name, `must hold only ${words.join(", ")}, separated by commas`);
  return words.filter((word) => wanted.includes(word));
}

/** A URL of one of the schemes (several separated by `;`), never echoed back: it may hold a password. */
export function url(env: Environment, name: string, schemes: readonly string[]): string | undefined {
  const text = env[name];
  if (text === undefined || text === "") return undefined;
  for (const part of text.split(";")) {
    const parsed = URL.canParse(part) ? new URL(part) : undefined;
    if (parsed === undefined || !schemes.includes(parsed.protocol))
      throw fault(name, `must be a URL that starts with ${schemes[0]}//`);
  }
  return text;
}
