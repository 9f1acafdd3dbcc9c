/**
 * Groups (RFC 7643 §4.2): a name and the ids of users, as identity providers send them. They change nothing of a user and
 * no event tells of them.
 *
 * Promise: a name is one group's, compared without case. A write is committed whole or not at all, under the lock of its
 * group, and one that changes nothing writes nothing. Members come and go by their ids: a change of one costs the same in
 * any group. A member must be a living user; who is deleted stays one and is shown again after a restore, and what is
 * not shown is not taken away by a replace. An erasure takes the memberships with it.
 *
 * Whoever is limited to domains sees and writes the groups of its own client alone, and in them the members who have an
 * address in its domains; others can't be added, are not shown and stay.
 *
 * A repeat of an idempotency key has no second effect, and is answered with the group as it is by then.
 */
import { v7 as uuidv7 } from "uuid";
import type { ActionContext } from "../../mixins/moleculer/calls.ts";
import type { EntityManager } from "../../mixins/postgres/database.ts";
import { run } from "../../mixins/postgres/statement.ts";
import { localPrincipal } from "../contracts/access.ts";
import type { ActionName } from "../contracts/actions.ts";
import type { CallMeta } from "../contracts/call-meta.ts";
import type { ScimAnswer, ScimList } from "../contracts/scim.ts";
import { type GroupReader, type groupLimits, listGroups, readMembers, wantsMembers } from "./group-lists.ts";
import { groupPatched, memberIds, noChange, replacedBy } from "./group-members.ts";
import { fieldsOf, groupLocation, groupResource, groupTag, patchable } from "./group-resource.ts";
import { ScimGroupRow } from "./group-rows.ts";
import { removeAllMembers } from "./group-sql.ts";
import {
  changeGroup,
  changeMembers,
  findGroup,
  lockedGroup,
  type WriteDeps,
  writeGroup,
} from "./group-writes.ts";
import { listedPage, type ResourceList } from "./paging.ts";
import { operationsIn } from "./patch.ts";
import { type Projection, projected } from "./projection.ts";
import { groupType } from "./schemas.ts";
import { resourceIn } from "./values.ts";

/** The database has the tables of groups and of idempotency keys: it is that of users. */
export interface GroupDeps extends WriteDeps {
  readonly now: () => Date;
  readonly limits?: Readonly<Record<keyof typeof groupLimits, number>>;
}

interface Shown extends Projection {
  readonly baseUrl: string;
}

const readerOf = ({ user }: CallMeta): GroupReader => ({
  client: user?.client ?? user?.id ?? localPrincipal.id,
  domains: user?.domains,
});

const callOf = (
  action: ActionName,
  { params, meta }: { readonly params: unknown; readonly meta: CallMeta },
) => ({
  action,
  params,
  meta,
});

/** As the caller may see them. */
export const groupList =
  ({ db, limits }: GroupDeps, meta: CallMeta): ResourceList =>
  (query) =>
    listGroups({ db, limits }, query, readerOf(meta));

/** Handlers for the service `scim`. */
export function groupActions(deps: GroupDeps) {
  const { db, now, limits } = deps;
  const told = async (
    em: EntityManager,
    row: ScimGroupRow,
    shown: Shown,
    reader: GroupReader,
  ): Promise<ScimAnswer> => {
    const all = wantsMembers(shown) ? await readMembers(em, [row.id], reader, limits) : undefined;
    const members = all?.get(row.id);
    const { baseUrl } = shown;
    return {
      resource: projected(groupType, groupResource(row, members, { client: reader.client, baseUrl }), shown),
      version: groupTag(row.version, members),
      location: groupLocation(row.id, baseUrl),
    };
  };

  const current = (id: string, shown: Shown, reader: GroupReader): Promise<ScimAnswer> =>
    db.snapshot(async (em) => told(em, await findGroup(em, id, reader), shown, reader));

  return {
    async "group-create"(ctx: ActionContext<"scim.group-create">): Promise<ScimAnswer> {
      const { resource, ...shown } = ctx.params;
      const reader = readerOf(ctx.meta);
      const { members, ...given } = resourceIn(groupType, resource);
      const change = { ...noChange, added: memberIds(members) };
      const answer = await writeGroup(
        deps,
        callOf("scim.group-create", ctx),
        async (em) => {
          const at = now();
          const fields = fieldsOf(given, reader.client);
          const row = { ...fields, id: uuidv7(), version: 1, createdAt: at, updatedAt: at } as ScimGroupRow;
          await em.insert(ScimGroupRow, row);
          await changeMembers(em, row.id, change, reader);
          return { id: row.id, answer: await told(em, row, shown, reader) };
        },
        (id) => current(id, shown, reader),
      );
      return { ...answer, created: true };
    },

    "group-get": ({ params: { id, ...shown }, meta }: ActionContext<"scim.group-get">): Promise<ScimAnswer> =>
      current(id, shown, readerOf(meta)),

    async "group-list"({ params, meta }: ActionContext<"scim.group-list">): Promise<ScimList> {
      return { resource: await listedPage([groupList(deps, meta)], params) };
    },

    "group-replace"(ctx: ActionContext<"scim.group-replace">): Promise<ScimAnswer> {
      const { id, resource, expected, ...shown } = ctx.params;
      const reader = readerOf(ctx.meta);
      const { members, ...given } = resourceIn(groupType, resource);
      const change = replacedBy(memberIds(members));
      return writeGroup(
        deps,
        callOf("scim.group-replace", ctx),
        async (em) => {
          const before = await lockedGroup(em, id, reader, expected);
          const fields = fieldsOf(given, reader.client, before);
          const after = await changeGroup(em, before, fields, change, { reader, at: now() });
          return { id: after.id, answer: await told(em, after, shown, reader) };
        },
        () => current(id, shown, reader),
      );
    },

    /** Answered without the group, unless attributes of it are asked for (RFC 7644 §3.5.2). */
    "group-patch"(ctx: ActionContext<"scim.group-patch">): Promise<ScimAnswer> {
      const { id, patch, expected, ...shown } = ctx.params;
      const reader = readerOf(ctx.meta);
      const operations = operationsIn(patch);
      const isTold = (shown.attributes ?? []).length > 0;
      const untold = (row: ScimGroupRow): ScimAnswer => ({
        resource: null,
        version: groupTag(row.version),
        location: groupLocation(row.id, shown.baseUrl),
      });
      return writeGroup(
        deps,
        callOf("scim.group-patch", ctx),
        async (em) => {
          const before = await lockedGroup(em, id, reader, expected);
          const { fields, change } = groupPatched(patchable(before, reader.client), operations);
          const wanted = fieldsOf(fields, reader.client, before);
          const after = await changeGroup(em, before, wanted, change, { reader, at: now() });
          const answer = isTold ? await told(em, after, shown, reader) : untold(after);
          return { id: after.id, answer };
        },
        () =>
          isTold
            ? current(id, shown, reader)
            : db.read(async (em) => untold(await findGroup(em, id, reader))),
      );
    },

    "group-remove"(ctx: ActionContext<"scim.group-remove">): Promise<null> {
      const { id, expected } = ctx.params;
      return writeGroup(
        deps,
        callOf("scim.group-remove", ctx),
        async (em) => {
          const row = await lockedGroup(em, id, readerOf(ctx.meta), expected);
          await run(em, removeAllMembers(row.id));
          await em.nativeDelete(ScimGroupRow, { id: row.id });
          return { id: row.id, answer: null };
        },
        async () => null,
      );
    },
  };
}
