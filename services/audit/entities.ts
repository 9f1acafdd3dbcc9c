/** The audit log as it is stored. */
import { defineEntity, type InferEntity, p } from "@mikro-orm/core";

/**
 * One row for each event, never changed: triggers refuse update, delete and truncate to everyone, us included. One change
 * passes: the values of an erased user's entries may be emptied (docs/adr/0046).
 * The event's id is the primary key, so the table itself is the inbox that recognises a repeated event; one that comes
 * again under another id is recognised by its user's version.
 */
export const AuditEntryRow = defineEntity({
  name: "AuditEntryRow",
  tableName: "audit_entries",
  properties: {
    id: p.uuid().primary(),
    /** When the change happened, by the event. */
    at: p.datetime(3),
    action: p.text(),
    userId: p.uuid(),
    version: p.integer(),
    actor: p.text(),
    /** For whom the actor said to act; null: nobody was named. */
    onBehalfOf: p.text().nullable(),
    correlationId: p.text(),
    changes: p.json(),
    /** The addresses that were given in place of those asked for; null: there is none. */
    assignments: p.json().nullable(),
    /**
     * In which domains, in A-labels, the user had an address before the change or after it; null: it was written before
     * this was, and is shown to nobody who is limited to domains.
     */
    domains: p.array().nullable(),
    /** Of an erasure: why. */
    reason: p.text().nullable(),
    /** When this row was written. */
    recordedAt: p.datetime(3).defaultRaw("now()"),
  },
  indexes: [
    { name: "audit_entries_at_idx", properties: ["at", "version", "id"] },
    { name: "audit_entries_correlation_id_idx", properties: ["correlationId", "at", "version", "id"] },
    { name: "audit_entries_actor_idx", properties: ["actor", "at", "version", "id"] },
    { name: "audit_entries_action_idx", properties: ["action", "at", "version", "id"] },
  ],
  uniques: [{ name: "audit_entries_user_id_version_idx", properties: ["userId", "version"] }],
  triggers: [
    {
      name: "audit_entries_append_only",
      timing: "before",
      // And truncate, by a trigger of the migration's own: MikroORM's drift check does not see that kind.
      events: ["delete"],
      forEach: "statement",
      body: "raise exception 'audit_entries is append-only' using errcode = 'restrict_violation'",
    },
    {
      name: "audit_entries_only_emptied",
      timing: "before",
      events: ["update"],
      forEach: "row",
      body: `if new.changes = audit_values_emptied(old.changes) and new.assignments is null
          and to_jsonb(new) - '{changes,assignments}'::text[] = to_jsonb(old) - '{changes,assignments}'::text[]
          and exists (select from erasures where user_id = old.user_id) then return new; end if;
        raise exception 'audit_entries is append-only' using errcode = 'restrict_violation'`,
    },
  ],
});
export type AuditEntryRow = InferEntity<typeof AuditEntryRow>;
