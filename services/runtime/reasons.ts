/** Why a server can't be used, in words for whoever runs it: never a user, a password, or a driver's stack. */
import { brokerText } from "../../mixins/bus/broker-text.ts";
import { databaseFaultOf } from "../../mixins/postgres/database-faults.ts";

/** Of Node's connections, by `code`; the subject is the server. */
const ofConnections: Readonly<Record<string, string>> = {
  ECONNREFUSED: "refuses the connection",
  ECONNRESET: "closes the connection",
  EPIPE: "closes the connection",
  ENOTFOUND: "has a name that nobody knows",
  EAI_AGAIN: "has a name that can't be looked up now",
  ETIMEDOUT: "does not answer",
  UND_ERR_CONNECT_TIMEOUT: "does not answer",
  EHOSTUNREACH: "is on a machine that can't be reached",
  ENETUNREACH: "is in a network that can't be reached",
  ENOENT: "has no socket there",
  EACCES: "has a socket that this user may not open",
};

/** Of PostgreSQL, whose own words for these hold names of users and databases. */
const ofPostgres: Readonly<Record<string, string>> = {
  "3D000": "has no such database",
  "28P01": "refuses the user or the password",
  "28000": "refuses the user",
  "42501": "does not give the user the right to that",
  "53300": "has no connection left",
  "57P01": "is shutting down",
  "57P02": "is shutting down after a crash",
  "57P03": "is starting or stopping",
};

const isLate = ({ name, message }: Error): boolean =>
  name === "TimeoutError" || message === "timeout expired";

/** A sentence without its subject: `refuses the connection (ECONNREFUSED)`. */
export function reasonOf(error: unknown): string {
  for (let cause: unknown = error, depth = 0; cause instanceof Error && depth < 5; depth += 1) {
    const { code } = cause as NodeJS.ErrnoException;
    const says = code === undefined ? undefined : (ofConnections[code] ?? ofPostgres[code]);
    if (says !== undefined) return `${says} (${code})`;
    if (isLate(cause)) return "does not answer (ETIMEDOUT)";
    cause = cause instanceof AggregateError ? (cause.errors as unknown[])[0] : cause.cause;
  }
  const told = brokerText(error);
  if (told !== undefined) return `says: ${told}`;
  const fault = databaseFaultOf(error);
  if (fault !== undefined) return `can't be used: ${fault.means}`;
  const { code, message } = error as { code?: unknown; message?: string };
  const first = (message ?? "").split("\n")[0];
  return `can't be used: ${typeof code === "string" ? code : first || "an unknown fault"}`;
}

/** Of a URL, or of several separated by `;`: host, port and database or virtual host; never the user or the password. */
export const serverOf = (url: string): string =>
  url
    .split(";")
    .map((node) => /^[^:]+:\/\/(?:[^/]*@)?([^?#]*)/.exec(node)?.[1]?.replace(/\/$/, "") ?? "")
    .join(", ");
