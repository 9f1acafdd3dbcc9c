/** Access keys of a test's own, made where the users database is. */

import { newKey } from "../../services/contracts/access-key.ts";
import type { ActionInput, ActionResult } from "../../services/contracts/actions.ts";
import type { Role } from "../../services/contracts/roles.ts";
import type { Instance } from "./rig.ts";

export interface TestKey {
  readonly id: string;
  readonly key: string;
}

/** One that the service has made, asked by nobody over HTTP. */
export async function makeKey(
  instance: Pick<Instance, "call">,
  role: Role,
  wish: Partial<ActionInput<"access.create">> = {},
): Promise<TestKey> {
  const made: ActionResult<"access.create"> = await instance.call("access.create", {
    name: role,
    role,
    ...wish,
  });
  return { id: made.id, key: made.key ?? "" };
}

/** One of the right form that nobody has made. */
export const strangeKey = (): string => newKey().key;

/** With another last character, as of a slip of the keyboard. */
export const mistyped = (key: string): string => key.slice(0, -1) + (key.endsWith("A") ? "B" : "A");

export const bearer = (key: string): Record<string, string> => ({ authorization: `Bearer ${key}` });
