/**
 * What a session is told as it begins, so that it can be told again. A pooler in transaction mode keeps it to itself
 * (PgBouncer: `ignore_startup_parameters`), since its sessions serve everybody. No setting of a role or a database stands
 * in for it: each pool has a statement timeout of its own.
 */
import pg from "pg";

export interface SessionSettings {
  readonly names: readonly string[];
  /** A statement by which the transaction that runs has them. */
  readonly telling: string;
}

/** As the server reads `options`: a space or a backslash in a value stands behind a backslash. */
const option = /(?<!\S)(?:-c\s*|--)([\w.-]+)=((?:\\.|[^\s\\])*)/g;

export function settingsOf({ statement_timeout, options }: pg.ClientConfig): SessionSettings {
  const settings = new Map<string, string>();
  for (const [, name = "", value = ""] of (options ?? "").matchAll(option))
    settings.set(name.replaceAll("-", "_").toLowerCase(), value.replaceAll(/\\(.)/g, "$1"));
  if (statement_timeout) settings.set("statement_timeout", String(statement_timeout));
  const calls = [...settings].map(
    (setting) => `set_config(${setting.map(pg.escapeLiteral).join(", ")}, true)`,
  );
  return { names: [...settings.keys()], telling: `select ${calls.join(", ")}` };
}
