/**
 * A property of an entity that no column holds: how many seconds ago a time was, by the database's own clock, and never
 * negative. It is read only where it is asked for.
 */
import { p } from "@mikro-orm/core";

/** `time`: an expression over the columns of the row. */
export const secondsSince = (time: string) =>
  p.float().formula(`greatest(extract(epoch from now() - ${time}), 0)::float8`).lazy();
