/** A client that repeats what was refused for now, as the contract tells it to. */
import assert from "node:assert/strict";
import { eventually } from "./eventually.ts";
import type { Rig } from "./rig.ts";

/** The first answer that is not 503. */
export const sent = (rig: Rig, ...request: Parameters<Rig["http"]>): ReturnType<Rig["http"]> =>
  eventually(async () => {
    const answer = await rig.http(...request);
    assert.notEqual(answer.status, 503);
    return answer;
  });

/** The body of an answer that must be one of success. */
export async function done(rig: Rig, ...request: Parameters<Rig["http"]>): Promise<Record<string, unknown>> {
  const { status, body } = await sent(rig, ...request);
  assert.ok(status < 300, JSON.stringify(body));
  return body ?? {};
}
