/**
 * Every migration of this database, in the order in which they are applied. They are named and not looked for: a pattern
 * over file names means something else in a folder that is called `mailroster (1)`.
 */
import { Migration20261123000100_init } from "./Migration20261123000100_init.ts";
import { Migration20261124000300_trace } from "./Migration20261124000300_trace.ts";
import { Migration20261126000400_held_since } from "./Migration20261126000400_held_since.ts";
import { Migration20261126000500_generations } from "./Migration20261126000500_generations.ts";
import { Migration20261126001000_erasure } from "./Migration20261126001000_erasure.ts";
import { Migration20261127000500_domain_index } from "./Migration20261127000500_domain_index.ts";
import { Migration20261127001000_active } from "./Migration20261127001000_active.ts";

export const registryMigrations = [
  Migration20261123000100_init,
  Migration20261124000300_trace,
  Migration20261126000400_held_since,
  Migration20261126000500_generations,
  Migration20261126001000_erasure,
  Migration20261127000500_domain_index,
  Migration20261127001000_active,
] as const;
