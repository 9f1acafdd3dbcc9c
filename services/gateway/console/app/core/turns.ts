/** Who made an address somebody's, and who ended that, as the audit log tells it. */
import type { AuditEntry } from "../../../../contracts/audit.ts";
import type { AddressHistoryEntry } from "../../../../contracts/look-up.ts";
import type { EntriesOf } from "./people.ts";

/** undefined: not known, not yet, or not to whoever may not read the log. */
export interface Turns {
  readonly begun: AuditEntry | undefined;
  readonly ended: AuditEntry | undefined;
}

export function turnsOf(row: AddressHistoryEntry, entriesOf: EntriesOf): Turns {
  const own = row.userId === null ? [] : entriesOf(row.userId);
  return {
    begun: own.find(({ version }) => version === row.version),
    // What ends because the address is taken away has no entry behind it: the change of that moment ended it.
    ended: own.find(({ at }) => at === row.until),
  };
}

export const isAt = ({ from, until }: AddressHistoryEntry, atMs: number): boolean =>
  Date.parse(from) <= atMs && (until === null || atMs < Date.parse(until));
