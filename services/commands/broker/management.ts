/** Promise: what is planned is there afterwards, by RabbitMQ's management API; a user that is there keeps its password. */
import { UnreachableError } from "../../contracts/exits.ts";
import { reasonOf } from "../../runtime/reasons.ts";
import type { Plan, PlannedUser } from "./plan.ts";

const timeoutMs = 4_000;

type Ask = (method: "GET" | "PUT" | "DELETE", path: readonly string[], body?: object) => Promise<number>;

/** Its login is in the URL, and in no message. */
function managementApi(managementUrl: string): Ask {
  const { username, password, origin, pathname } = new URL(managementUrl);
  const login = [username, password].map(decodeURIComponent).join(":");
  const headers = {
    authorization: `Basic ${Buffer.from(login).toString("base64")}`,
    "content-type": "application/json",
  };
  return async (method, path, body) => {
    const url = `${origin}${pathname.replace(/(?<!\/)\/+$/, "")}/api/${path.map(encodeURIComponent).join("/")}`;
    let answer: Response;
    try {
      answer = await fetch(url, {
        method,
        headers,
        signal: AbortSignal.timeout(timeoutMs),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    } catch (error) {
      throw new UnreachableError(
        `Cannot set up the broker: the management API at ${origin} ${reasonOf((error as Error).cause ?? error)}`,
        { cause: error },
      );
    }
    await answer.body?.cancel();
    // What is not there need not be taken away; nothing that was to be made may be missing.
    if (answer.ok || (answer.status === 404 && method !== "PUT")) return answer.status;
    throw new UnreachableError(
      `Cannot set up the broker: the management API at ${origin} answers ${answer.status} to ${method} ${path.slice(0, 1).join("")}`,
    );
  };
}

/** Resolves with the users that it has made. Throws UnreachableError. */
export async function carryOut(plan: Plan, managementUrl: string): Promise<readonly PlannedUser[]> {
  const ask = managementApi(managementUrl);
  const made: PlannedUser[] = [];
  for (const vhost of plan.vhosts) await ask("PUT", ["vhosts", vhost], {});
  for (const user of plan.users) {
    if ((await ask("GET", ["users", user.name])) === 404) {
      await ask("PUT", ["users", user.name], { password: user.password, tags: "" });
      made.push(user);
    }
    for (const [vhost, rights] of user.permissions)
      if (rights === undefined) await ask("DELETE", ["permissions", vhost, user.name]);
      else await ask("PUT", ["permissions", vhost, user.name], rights);
  }
  return made;
}
