/**
 * Promise: a write of an identity provider is an ordinary write of the user, and what else the provider said is kept in
 * the same transaction. Nothing of that reaches events, the audit log or the version: a change of the document alone is
 * its next revision, and nothing else. Nothing is written when all of it is so already.
 */
import { isDeepStrictEqual } from "node:util";
import { v7 as uuidv7 } from "uuid";
import type { ActionParams, ActionResult } from "../contracts/actions.ts";
import { Refusal } from "../contracts/errors.ts";
import type { ScimDocument } from "../contracts/provision.ts";
import { ScimUserRow } from "./entities.ts";
import { userView } from "./queries.ts";
import type { Command } from "./rules.ts";
import type { ScimWrite } from "./sql.ts";
import {
  type Attempt,
  type Plan,
  planChange,
  planCreate,
  refuseTaken,
  settle,
  type WriteContext,
  type WriteDeps,
} from "./write.ts";

type Params = ActionParams<"users.provision">;
type Answer = ActionResult<"users.provision">;
type Provisioned = Plan & { readonly answer: Answer };

const isSame = (row: ScimUserRow, said: ScimDocument): boolean =>
  isDeepStrictEqual(
    [row.client, row.externalId ?? null, row.emails, row.attributes],
    [said.client, said.externalId, said.emails, said.attributes],
  );

/** The plan of the user, with what becomes of the document. */
function provisioned(plan: Plan, row: ScimUserRow | null, said: ScimDocument, now: Date): Provisioned {
  const { before, decision } = plan;
  const user = userView(decision.state);
  if (decision.kind === "unchanged" && row !== null && isSame(row, said)) {
    const scimUpdatedAt = row.updatedAt.toISOString();
    return { before, decision, answer: { user, revision: row.revision, scimUpdatedAt, changed: false } };
  }
  const revision = before === undefined ? 0 : (row?.revision ?? 0) + 1;
  const scimUpdatedAt = now.toISOString();
  const { id: userId, version } = decision.state;
  const document: ScimWrite = { ...said, userId, version, revision, updatedAt: scimUpdatedAt };
  return { before, decision, document, answer: { user, revision, scimUpdatedAt, changed: true } };
}

/** Throws as `users.create`, `users.replace` and `users.restore` do; a taken address is refused, never given a number. */
export function provision(deps: WriteDeps, params: Params, context: WriteContext): Promise<Answer> {
  const { user, scim, expectedVersions: expected, expectedRevision } = params;
  const { asker } = context;
  if (params.id === undefined) {
    const userId = uuidv7();
    const request = { ...user, onTaken: "refuse" as const };
    const create = planCreate(deps, { userId, params: request, asker });
    return settle(deps, {
      userId,
      context,
      taken: create.taken,
      plan: async (attempt: Attempt) => provisioned(await create.plan(attempt), null, scim, deps.now()),
    });
  }
  const userId = params.id.toLowerCase();
  const edit = { ...user, kind: "edit" } as const;
  const command: Command = params.restore === true ? { ...user, kind: "restore" } : edit;
  return deps.inTurn(userId, () =>
    settle(deps, {
      userId,
      context,
      taken: refuseTaken(edit),
      async plan({ reserve }: Attempt) {
        const row = await deps.db.read((em) => em.findOne(ScimUserRow, { userId }));
        if (expectedRevision !== undefined && expectedRevision !== (row?.revision ?? 0))
          throw new Refusal("version-mismatch", "Cannot change the user: its document has changed");
        const plan = await planChange(deps, { userId, command, expected, reserve, asker });
        return provisioned(plan, row, scim, deps.now());
      },
    }),
  );
}
