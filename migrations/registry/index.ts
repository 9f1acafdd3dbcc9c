/**
 * Every migration of this database, in the order in which they are applied. They are named and not looked for: a pattern
 * over file names means something else in a folder that is called `mailroster (1)`.
 */
import { Migration20261123000100_init } from "./Migration20261123000100_init.ts";
import { Migration20261124000300_trace } from "./Migration20261124000300_trace.ts";

export const registryMigrations = [Migration20261123000100_init, Migration20261124000300_trace] as const;
