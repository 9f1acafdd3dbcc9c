/** Every mutation, in the order of the guarantees. They hold on to names, not to text. */
import { access } from "./list/access.ts";
import { addresses } from "./list/addresses.ts";
import { broker } from "./list/broker.ts";
import { calls } from "./list/calls.ts";
import { consoleProgram } from "./list/console.ts";
import { databases } from "./list/databases.ts";
import { domains } from "./list/domains.ts";
import { erasures } from "./list/erasures.ts";
import { events } from "./list/events.ts";
import { failovers } from "./list/failovers.ts";
import { groups } from "./list/groups.ts";
import { imports } from "./list/imports.ts";
import { letters } from "./list/letters.ts";
import { limits } from "./list/limits.ts";
import { mail } from "./list/mail.ts";
import { moves } from "./list/moves.ts";
import { operations } from "./list/operations.ts";
import { peers } from "./list/peers.ts";
import { people } from "./list/people.ts";
import { record } from "./list/record.ts";
import { releases } from "./list/releases.ts";
import { requests } from "./list/requests.ts";
import { sandbox } from "./list/sandbox.ts";
import { scim } from "./list/scim.ts";
import { scimLists } from "./list/scim-lists.ts";
import { consoleSessions } from "./list/sessions.ts";
import { transport } from "./list/transport.ts";
import { writes } from "./list/writes.ts";
import type { Mutation } from "./mutation.ts";

export const mutations: readonly Mutation[] = [
  ...access,
  ...addresses,
  ...mail,
  ...scim,
  ...domains,
  ...events,
  ...writes,
  ...imports,
  ...letters,
  ...moves,
  ...operations,
  ...databases,
  ...record,
  ...requests,
  ...transport,
  ...people,
  ...broker,
  ...peers,
  ...calls,
  ...failovers,
  ...erasures,
  ...groups,
  ...limits,
  ...sandbox,
  ...releases,
  ...consoleSessions,
  ...consoleProgram,
  ...scimLists,
].sort((a, b) => a.guarantee.localeCompare(b.guarantee, "en", { numeric: true }));
