/**
 * Every migration of this database, in the order in which they are applied. They are named and not looked for: a pattern
 * over file names means something else in a folder that is called `mailroster (1)`.
 */
import { Migration20261123000100_users } from "./Migration20261123000100_users.ts";
import { Migration20261123000200_outbox } from "./Migration20261123000200_outbox.ts";
import { Migration20261123000300_dead_letters } from "./Migration20261123000300_dead_letters.ts";
import { Migration20261123000400_audit_inbox } from "./Migration20261123000400_audit_inbox.ts";
import { Migration20261123001000_dead_letter_life } from "./Migration20261123001000_dead_letter_life.ts";
import { Migration20261124000100_dead_letter_cause } from "./Migration20261124000100_dead_letter_cause.ts";
import { Migration20261124000300_trace } from "./Migration20261124000300_trace.ts";
import { Migration20261125000100_consistency_acknowledgements } from "./Migration20261125000100_consistency_acknowledgements.ts";
import { Migration20261125000200_consistency_backlogs } from "./Migration20261125000200_consistency_backlogs.ts";
import { Migration20261126000100_guard_of_tombstones } from "./Migration20261126000100_guard_of_tombstones.ts";
import { Migration20261126000200_audit_once } from "./Migration20261126000200_audit_once.ts";
import { Migration20261126000300_audit_assignments } from "./Migration20261126000300_audit_assignments.ts";
import { Migration20261126000500_generations } from "./Migration20261126000500_generations.ts";
import { Migration20261126000600_audit_on_behalf_of } from "./Migration20261126000600_audit_on_behalf_of.ts";
import { Migration20261126000700_access } from "./Migration20261126000700_access.ts";
import { Migration20261126000710_domains_of_addresses } from "./Migration20261126000710_domains_of_addresses.ts";
import { Migration20261126000720_accepted_domains } from "./Migration20261126000720_accepted_domains.ts";
import { Migration20261126001000_erasure } from "./Migration20261126001000_erasure.ts";
import { Migration20261126001100_activity } from "./Migration20261126001100_activity.ts";

export const usersMigrations = [
  Migration20261123000100_users,
  Migration20261123000200_outbox,
  Migration20261123000300_dead_letters,
  Migration20261123000400_audit_inbox,
  Migration20261123001000_dead_letter_life,
  Migration20261124000100_dead_letter_cause,
  Migration20261124000300_trace,
  Migration20261125000100_consistency_acknowledgements,
  Migration20261125000200_consistency_backlogs,
  Migration20261126000100_guard_of_tombstones,
  Migration20261126000200_audit_once,
  Migration20261126000300_audit_assignments,
  Migration20261126000500_generations,
  Migration20261126000600_audit_on_behalf_of,
  Migration20261126000700_access,
  Migration20261126000710_domains_of_addresses,
  Migration20261126000720_accepted_domains,
  Migration20261126001000_erasure,
  Migration20261126001100_activity,
] as const;
