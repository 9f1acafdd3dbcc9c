/** The table of operations from outside: what each asks of a token, sent to a gateway that runs. */
import { permits, type Scope } from "../../services/contracts/access.ts";
import type { Role } from "../../services/contracts/roles.ts";
import { type Operation, operations } from "../../services/gateway/routes/index.ts";
import { sendRaw } from "./raw-http.ts";

/** Of every row that asks for somebody wherever the gateway listens. */
export const guardedRows = operations.flatMap((row) =>
  row.scope === "public" || row.scope === "documents" ? [] : [{ ...row, scope: row.scope }],
);
type Row = (typeof guardedRows)[number];

/** Of the rows that ask for somebody, whoever it is, where the gateway listens on more than loopback. */
export const documentRows = operations.filter(({ scope }) => scope === "documents");

const values: Readonly<Record<string, string>> = {
  address: "walk@example.com",
  at: "2026-01-01T00:00:00Z",
  correlationId: "walk",
};
const nobody = "0199aaaa-0000-7000-8000-000000000000";

export const pathOf = ({ path }: Pick<Operation, "path">): string =>
  path.replaceAll(/:(\w+)/g, (_, name: string) => encodeURIComponent(values[name] ?? nobody));

/** A row, and with it a parameter that asks for more. */
export const waysOf = (row: Row): { readonly target: string; readonly scopes: readonly Scope[] }[] => [
  { target: pathOf(row), scopes: [row.scope, ...(row.alsoScopes ?? [])] },
  ...Object.entries(row.queryScopes ?? {}).map(([name, scope]) => ({
    target: `${pathOf(row)}?${name}=${encodeURIComponent(values[name] ?? "walk")}`,
    scopes: [row.scope, scope],
  })),
];

/** The scope by which a role is refused; undefined: it is let through. */
export const refusedBy = (role: Role, scopes: readonly Scope[]): Scope | undefined =>
  scopes.find((scope) => !permits({ id: "walk", via: "key", roles: [role] }, scope));

const head = (method: string, target: string, key: string | undefined, bytes: number): string =>
  [
    `${method} ${target} HTTP/1.1`,
    "Host: 127.0.0.1",
    "Connection: close",
    ...(key === undefined ? [] : [`Authorization: Bearer ${key}`]),
    ...(bytes === 0 ? [] : ["Content-Type: application/json", `Content-Length: ${bytes}`]),
    "\r\n",
  ].join("\r\n");

/** The head of a request whose body never comes: an answer was given without a byte of it. */
export const askWithoutBody = (
  port: number,
  { method }: Pick<Operation, "method">,
  target: string,
  key?: string,
) => sendRaw(port, head(method, target, key, 10));

/** The whole request, with an empty object where there is a body. */
export const askWhole = (
  port: number,
  { method, body }: Pick<Operation, "method" | "body">,
  target: string,
  key?: string,
) => sendRaw(port, body === undefined ? head(method, target, key, 0) : `${head(method, target, key, 2)}{}`);

/** Some at a time, so that no bound of the gateway is met. */
export async function eachOf<T>(items: readonly T[], walk: (item: T) => Promise<void>): Promise<void> {
  for (let at = 0; at < items.length; at += 10) await Promise.all(items.slice(at, at + 10).map(walk));
}
