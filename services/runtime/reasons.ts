/** Why a server can't be used, in words for whoever runs it: never a user, a password, or a driver's stack. */
import { causesOf } from "../../mixins/basics/causes.ts";
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

const isLate = ({ name, message }: Error): boolean =>
  name === "TimeoutError" || message === "timeout expired";

/** A sentence without its subject: `refuses the connection (ECONNREFUSED)`. */
export function reasonOf(error: unknown): string {
  let known = "";
  for (const link of causesOf(error)) {
    const { code } = link as { code?: unknown };
    if (typeof code === "string" && Object.hasOwn(ofConnections, code))
      return `${ofConnections[code]} (${code})`;
    if (link instanceof Error && isLate(link)) return "does not answer (ETIMEDOUT)";
    if (known === "" && typeof code === "string") known = ` (${code})`;
  }
  const told = brokerText(error);
  if (told !== undefined) return `says: ${told}`;
  const fault = databaseFaultOf(error);
  if (fault !== undefined) return `can't be used: ${fault.means}${known}`;
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
