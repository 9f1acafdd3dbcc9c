/** Promise: what is put on record stands there with what it tells of, in the same transaction, or neither does. */
import { v7 as uuidV7 } from "uuid";
import type { EntityManager } from "../../mixins/postgres/database.ts";
import type { Scope } from "../contracts/access.ts";
import { ActivityRow } from "./entities.ts";

/** Who does something, and in which request. */
export interface Doer {
  readonly principal: string;
  readonly credential?: string | undefined;
  readonly correlationId: string;
}

export interface Activity {
  readonly at: Date;
  /** Of the contract, or the command's. */
  readonly action: string;
  readonly scope?: Scope;
  readonly target?: { readonly kind: string; readonly id: string };
  readonly allowed: boolean;
  readonly reason?: string | undefined;
}

/** Writes one entry in the running transaction. */
export async function recordActivity(em: EntityManager, doer: Doer, activity: Activity): Promise<void> {
  const { at, action, scope, target, allowed, reason } = activity;
  await em.insert(ActivityRow, {
    id: uuidV7(),
    at,
    principal: doer.principal,
    credential: doer.credential ?? null,
    action,
    scope: scope ?? null,
    targetKind: target?.kind ?? null,
    targetId: target?.id ?? null,
    allowed,
    reason: reason ?? null,
    correlationId: doer.correlationId,
  });
}
