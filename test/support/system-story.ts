/** What every running system must be able to do, told over HTTP alone. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { CreatedUser } from "../../services/contracts/actions.ts";
import type { AuditPage } from "../../services/contracts/audit.ts";
import type { AddressInfo } from "../../services/contracts/look-up.ts";
import { comingAgain } from "./coming-again.ts";
import { eventually } from "./eventually.ts";
import { type HttpAnswer, request } from "./processes.ts";

const followTimeoutMs = 20_000;

/** An address that no other test asks for. */
export const ownAddress = (): string => `ann.${randomUUID().slice(0, 8)}@example.com`;

/** The first answer, whatever it says. */
export const createUser = (
  url: string,
  primarySmtp: string,
  headers: Record<string, string> = {},
): Promise<HttpAnswer> =>
  request(`${url}/users`, { body: { displayName: "Ann Example", primarySmtp }, headers });

/** Rejects when anything is said but 201, or nothing but to come again. */
export async function createdUser(
  url: string,
  primarySmtp: string,
  correlationId = `story-${randomUUID()}`,
): Promise<CreatedUser> {
  const headers = { "x-correlation-id": correlationId, "idempotency-key": correlationId };
  const answer = await comingAgain(() => createUser(url, primarySmtp, headers));
  assert.equal(answer.status, 201, answer.text);
  return answer.json<CreatedUser>();
}

/** Creates a user and follows the change to the registry and the audit log. Rejects, so that it may be tried again. */
export async function createAndFollow(url: string): Promise<CreatedUser> {
  const address = ownAddress();
  const correlationId = `story-${randomUUID()}`;
  const user = await createdUser(url, address, correlationId);
  await eventually(
    async () => {
      const info = (await request(`${url}/smtp/${address}`)).json<AddressInfo>();
      if (info.status !== "active" || info.userId !== user.id)
        throw new Error(`The registry does not follow: ${JSON.stringify(info)}`);
      const page = (await request(`${url}/audit?correlationId=${correlationId}`)).json<AuditPage>();
      if (page.items.length !== 1) throw new Error(`The audit log has ${page.items.length} entries`);
    },
    { timeoutMs: followTimeoutMs },
  );
  return user;
}
