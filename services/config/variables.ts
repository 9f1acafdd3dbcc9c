/** The variables of one environment, as they are read: which names there are is what has been asked for. */
import { readFileSync } from "node:fs";

export type Environment = Readonly<Record<string, string | undefined>>;

/** The start can't go on; the message is for the operator and never holds a secret's value. */
export class ConfigError extends Error {
  override name = "ConfigError";
}

/** The error of one variable. */
export const fault = (name: string, problem: string, cause?: unknown): ConfigError =>
  new ConfigError(`${name} ${problem}`, { cause });

/**
 * Space around a value says nothing (a line end comes with many a secret), an empty value is as good as none (what
 * Compose makes of `${NAME:-}`), and what nobody sees is in no value.
 */
function check(name: string, text: string | undefined): string | undefined {
  if (text === undefined || text === "") return undefined;
  const value = text.trim();
  if (value === "") throw fault(name, "must not be blank");
  if (/[\p{Cc}\p{Cf}]/u.test(value)) throw fault(name, "must not hold control or other invisible characters");
  return value;
}

export class Variables {
  readonly #environment: Environment;
  readonly #names = new Set<string>();

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  /** Every name that was asked for. */
  get names(): readonly string[] {
    return [...this.#names];
  }

  /** undefined: not set. Throws ConfigError. */
  text(name: string): string | undefined {
    this.#names.add(name);
    return check(name, this.#environment[name]);
  }

  /** A value that `NAME_FILE` may name the file of (Docker and Kubernetes secrets). Throws ConfigError. */
  secret(name: string): string | undefined {
    const fileName = `${name}_FILE`;
    const value = this.text(name);
    const path = this.text(fileName);
    if (path === undefined) return value;
    if (value !== undefined) throw fault(fileName, `must not be set beside ${name}`);
    let content: string;
    try {
      content = readFileSync(path, "utf8");
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      throw fault(fileName, `must name a readable file (${code})`, cause);
    }
    if (content.trim() === "") throw fault(fileName, "must name a file that is not empty");
    return check(fileName, content);
  }
}
