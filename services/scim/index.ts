/**
 * scim: identity providers create, change, disable and delete users by SCIM 2.0 (RFC 7643, RFC 7644; docs/adr/0056).
 *
 * Promise: a second face of the same users. What changes a user is one action of `users`, with its reservation, event and
 * audit entry; what else a client said is kept beside the user as it was sent. A taken address is refused.
 */
import type { ServiceSchema } from "moleculer";
import { idempotency } from "../../mixins/idempotency.ts";
import { IdempotencyRecord } from "../../mixins/idempotency-rows.ts";
import { actionsOf } from "../../mixins/moleculer/actions.ts";
import type { Platform } from "../../mixins/platform.ts";
import { dataService } from "../../mixins/service.ts";
import type { Config } from "../config/index.ts";
import type { CallMeta } from "../contracts/call-meta.ts";
import { discovered } from "./discovery.ts";
import { scimGroupEntities } from "./group-rows.ts";
import { groupActions, groupList } from "./groups.ts";
import { listedPage } from "./paging.ts";
import { listLimits, userLists } from "./user-lists.ts";
import { clientNameOf, userActions } from "./users.ts";

const poolMax = 10;
const statementTimeoutMs = 1_000;
const hourMs = 3_600_000;

/** Throws when the configuration has no `usersDatabaseUrl`. */
export default function scimService(platform: Platform, config: Config): ServiceSchema {
  const { db, log, pool, schema } = dataService("scim", platform, config, {
    entities: [IdempotencyRecord, ...scimGroupEntities],
    poolMax,
    statementTimeoutMs,
  });
  const { now } = platform;
  // Its answers are kept by users, which sweeps them too.
  const keys = idempotency(db, { ttlMs: config.idempotencyHours * hourMs, now, log });
  const users = userActions({ db, keys, terms: config, now, defaultDomain: config.scimDefaultDomain });
  const walks = pool(listLimits.atOnceMax + 1, listLimits.statementTimeoutMs);
  const usersOf = userLists({ db, walks, nowMs: () => performance.now() });
  const userList = ({ user }: CallMeta) => usersOf({ client: clientNameOf(user), domains: user?.domains });
  const groups = { db, keys, now };
  return schema({
    mixins: [walks.mixin],
    actions: actionsOf("scim", {
      ...users,
      ...groupActions(groups),
      list: async ({ params, meta }) => ({ resource: await listedPage([userList(meta)], params) }),
      search: async ({ params, meta }) => ({
        resource: await listedPage([userList(meta), groupList(groups, meta)], params),
      }),
      discover: ({ params }) => ({ resource: discovered(params) }),
    }),
  });
}
