/** Why a server can't be used, in words for whoever runs it: never a user, a password, or a driver's stack. */

import { byConnectionCode } from "../../mixins/basics/connection-state.ts";
import { causesOf } from "../../mixins/basics/error-causes.ts";
import { brokerText } from "../../mixins/bus/broker-text.ts";
import { databaseFaultOf } from "../../mixins/postgres/database-faults.ts";

/** By code; the subject is the server. */
const ofConnections: Readonly<Record<string, string>> = {
  ...byConnectionCode({
    refused: "refuses the connection",
    lost: "closes the connection",
    silent: "does not answer",
    unreachable: "is on a machine that can't be reached",
    nameless: "has a name that can't be looked up",
  }),
  UND_ERR_CONNECT_TIMEOUT: "does not answer",
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
  const text = brokerText(error);
  if (text !== undefined) return `says: ${text}`;
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
