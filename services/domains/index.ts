/**
 * domains: in which domains addresses may be taken.
 *
 * Promise: while none is declared any domain is taken; once one is, a new address in another is refused, in every process
 * within 5 s. What exists stays. Who declared and who removed a domain stays on record.
 */
import type { ServiceBroker, ServiceSchema } from "moleculer";
import { askerOf } from "../../mixins/context/correlation.ts";
import { actionsOf } from "../../mixins/moleculer/actions.ts";
import { callAction } from "../../mixins/moleculer/calls.ts";
import type { Platform } from "../../mixins/platform.ts";
import { dataService } from "../../mixins/service.ts";
import type { Config } from "../config/index.ts";
import { reaches } from "../contracts/access.ts";
import { domainsChangedEvent } from "../contracts/domains.ts";
import { Refusal } from "../contracts/errors.ts";
import { declareDomain, getDomain, listDomains, removeDomain } from "./accepted.ts";
import { AcceptedDomainRow } from "./entities.ts";

const poolMax = 2;
const statementTimeoutMs = 1_000;
const countTimeoutMs = 1_500;

/** Throws when the configuration has no `usersDatabaseUrl`. */
export default function domainsService(platform: Platform, config: Config): ServiceSchema {
  const { db, log, schema } = dataService("domains", platform, config, {
    entities: [AcceptedDomainRow],
    poolMax,
    statementTimeoutMs,
  });
  const changed = (broker: ServiceBroker, what: string, domain: string, by: string): void => {
    log.info({ domain, by }, `domain ${what}`);
    void broker.broadcast(domainsChangedEvent);
  };

  return schema({
    actions: actionsOf("domains", {
      async declare(ctx) {
        const { domain } = ctx.params;
        const { actor: by } = askerOf(ctx.meta);
        const declared = await declareDomain(db, domain, { at: platform.now(), by });
        if (declared.created) changed(ctx.broker, "declared", domain, by);
        return declared;
      },
      async remove(ctx) {
        const { domain } = ctx.params;
        const { actor: by } = askerOf(ctx.meta);
        await getDomain(db, domain);
        const options = { timeout: countTimeoutMs, parentCtx: ctx };
        const { addresses } = await callAction(ctx.broker, "users.living-in", { domain }, options);
        if (addresses > 0)
          throw new Refusal("domain-in-use", `Cannot remove the domain: ${addresses} addresses live in it`, {
            addresses,
          });
        await removeDomain(db, domain, { at: platform.now(), by });
        changed(ctx.broker, "removed", domain, by);
        return null;
      },
      get(ctx) {
        const { domain } = ctx.params;
        if (!reaches(ctx.meta.user, domain))
          throw new Refusal("not-found", "Cannot find the domain: it is none of yours");
        return getDomain(db, domain);
      },
      list: (ctx) => listDomains(db, ctx.params, ctx.meta.user?.domains),
    }),
  });
}
