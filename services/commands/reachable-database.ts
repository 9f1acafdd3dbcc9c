/** Whoever types a command waits for its answer: a server that can't be reached is told within 5 s. */
import { openClient } from "../../mixins/postgres/database-client.ts";
import { UnreachableError } from "../contracts/exits.ts";
import { reasonOf, serverOf } from "../runtime/reasons.ts";

const connectTimeoutMs = 3_000;

export interface ReachedDatabase {
  /** What the operator set it by. */
  readonly variable: string;
  readonly url: string;
}

/** `doing` completes "Cannot …", as the name of the command does. Throws UnreachableError. */
export async function requireReachable(doing: string, { variable, url }: ReachedDatabase): Promise<void> {
  try {
    const client = await openClient(url, {
      application_name: `mailroster-${doing.replaceAll(" ", "-")}`,
      connectionTimeoutMillis: connectTimeoutMs,
    });
    await client.end();
  } catch (cause) {
    throw new UnreachableError(
      `Cannot ${doing}: the PostgreSQL of ${variable} at ${serverOf(url)} ${reasonOf(cause)}`,
      { cause },
    );
  }
}
