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
import { Migration20261127000100_external_id } from "./Migration20261127000100_external_id.ts";
import { Migration20261127000200_released } from "./Migration20261127000200_released.ts";
import { Migration20261127000210_audit_filters } from "./Migration20261127000210_audit_filters.ts";
import { Migration20261127000220_lists } from "./Migration20261127000220_lists.ts";
import { Migration20261127000230_reconciliations } from "./Migration20261127000230_reconciliations.ts";
import { Migration20261127000240_letter_replays } from "./Migration20261127000240_letter_replays.ts";
import { Migration20261127000300_search_index } from "./Migration20261127000300_search_index.ts";
import { Migration20261127000310_active } from "./Migration20261127000310_active.ts";
import { Migration20261127000320_scim_users } from "./Migration20261127000320_scim_users.ts";
import { Migration20261127000330_scim_groups } from "./Migration20261127000330_scim_groups.ts";
import { Migration20261127000340_living_users } from "./Migration20261127000340_living_users.ts";
import { Migration20261127000400_ended_sessions } from "./Migration20261127000400_ended_sessions.ts";
import { Migration20261127000410_deleted_in_domains } from "./Migration20261127000410_deleted_in_domains.ts";

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
  Migration20261127000100_external_id,
  Migration20261127000200_released,
  Migration20261127000210_audit_filters,
  Migration20261127000220_lists,
  Migration20261127000230_reconciliations,
  Migration20261127000240_letter_replays,
  Migration20261127000300_search_index,
  Migration20261127000310_active,
  Migration20261127000320_scim_users,
  Migration20261127000330_scim_groups,
  Migration20261127000340_living_users,
  Migration20261127000400_ended_sessions,
  Migration20261127000410_deleted_in_domains,
] as const;
