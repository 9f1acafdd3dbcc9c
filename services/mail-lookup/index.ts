/**
 * mail-lookup: tells mail servers which recipients there are, by socketmap and over HTTP. It reads the registry's database,
 * or a standby of it first, and writes nothing; it comes with smtp-registry, or stands beside a mail server in a process of its own.
 *
 * Promise: it never says that an address does not exist because something has failed.
 */
import type { ServiceSchema } from "moleculer";
import { actionsOf } from "../../mixins/moleculer/actions.ts";
import type { Platform } from "../../mixins/platform.ts";
import { PepperRow } from "../../mixins/postgres/keyed-hash.ts";
import { dataService } from "../../mixins/service.ts";
import { socketmapServer } from "../../mixins/socketmap/server.ts";
import type { Config } from "../config/index.ts";
import { reaches } from "../contracts/access.ts";
import { parseAddress } from "../contracts/address.ts";
import { Refusal } from "../contracts/errors.ts";
import { localKey } from "../contracts/local-key.ts";
import { inNetworks } from "../contracts/networks.ts";
import { mailAnswers } from "./answers.ts";
import { mailLookup } from "./lookup.ts";
import { recipientOf } from "./maps.ts";
import { primarySource, replicaFirst } from "./sources.ts";

/** Look-ups share statements, of which four run at the most; the others are for the health. */
const poolMax = 6;
/** Within the deadline of a look-up, so that a hung one gives its connection back. */
const statementTimeoutMs = 1_000;

export type MailConfig = Pick<
  Config,
  | "registryDatabaseUrl"
  | "registryReplicaUrl"
  | "tombstoneDays"
  | "quarantineDays"
  | "blockedLocalParts"
  | "logPii"
  | "recipientDelimiter"
  | "socketmapPort"
  | "socketmapHost"
  | "socketmapAllow"
  | "socketmapPostmaster"
  | "socketmapInactive"
>;

/** Throws when the configuration has no database for it. */
export default function mailLookupService(platform: Platform, config: MailConfig): ServiceSchema {
  const { db, log, replica, schema } = dataService("mail-lookup", platform, config, {
    entities: [PepperRow],
    poolMax,
    statementTimeoutMs,
    reading: "of the primary",
  });
  const { tombstoneDays, quarantineDays, registryReplicaUrl } = config;
  const sourceRules = { terms: { tombstoneDays, quarantineDays }, now: platform.now };
  const primary = primarySource(db, sourceRules);
  const standby = registryReplicaUrl === undefined ? undefined : replica(registryReplicaUrl);
  const source = standby === undefined ? primary : replicaFirst(primary, standby, sourceRules);
  const lookup = mailLookup(source, {
    delimiter: config.recipientDelimiter,
    whole: new Set(config.blockedLocalParts.map(localKey)),
    postmaster: config.socketmapPostmaster,
  });
  const rules = { refusesInactive: config.socketmapInactive === "refuse" };
  return schema(
    {
      mixins: [
        ...(config.socketmapPort === undefined ? [] : [listener(config, config.socketmapPort)]),
        ...(standby === undefined ? [] : [standby.mixin]),
      ],
      actions: actionsOf("mail-lookup", {
        async recipient({ params: { address }, meta: { user } }) {
          const parsed = parseAddress(address);
          if (parsed.ok && !reaches(user, parsed.asciiDomain))
            throw new Refusal("not-found", "Cannot find the address: it lies in none of your domains", {
              isOutside: true,
            });
          return recipientOf(address, await lookup.recipient(address), rules);
        },
      }),
    },
    standby === undefined ? {} : { replica: standby.check },
  );

  function listener({ socketmapHost: host, socketmapAllow, logPii }: MailConfig, port: number) {
    const { metrics } = platform;
    return socketmapServer({
      variable: "SOCKETMAP_PORT",
      host,
      port,
      allows: inNetworks(socketmapAllow),
      answer: mailAnswers({ lookup, rules, metrics, log, logPii }),
      onConnections: (count) => metrics.mailLookupConnections.set(count),
    }).mixin;
  }
}
