import { Migration } from "@mikro-orm/migrations";

/** What became of a dead letter: replayed, discarded by whom and why; and what it is about, for those who search. */
export class Migration20261123001000_dead_letter_life extends Migration {
  override up(): void {
    this.addSql(`
      alter table dead_letters
        add column status text not null default 'pending',
        add column replays int not null default 0,
        add column last_replayed_at timestamptz(3),
        add column settled_at timestamptz(3),
        add column discarded_at timestamptz(3),
        add column discarded_by text,
        add column discard_reason text,
        add column discard_correlation_id text,
        add column event_id text,
        add column event_type text,
        add column user_id uuid,
        add column headers jsonb not null default '{}',
        add constraint dead_letters_status_check
          check (status in ('pending', 'replayed', 'discarded') and (status = 'pending') = (settled_at is null)),
        add constraint dead_letters_discard_check
          check (status <> 'discarded'
            or num_nulls(discarded_at, discarded_by, discard_reason, discard_correlation_id) = 0)`);
    this.addSql(`update dead_letters set event_id = message_id, event_type = routing_key`);
    this.addSql(`drop index dead_letters_created_at_id_idx`);
    this.addSql(`create index dead_letters_queue_id_idx on dead_letters (queue, id)`);
    this.addSql(`create index dead_letters_correlation_id_idx on dead_letters (correlation_id)`);
    this.addSql(`create index dead_letters_pending_idx on dead_letters (queue) where status = 'pending'`);
    this.addSql(
      `create index dead_letters_settled_at_idx on dead_letters (settled_at) where settled_at is not null`,
    );
  }

  override down(): void {
    this.addSql(`
      drop index dead_letters_queue_id_idx, dead_letters_correlation_id_idx, dead_letters_pending_idx,
        dead_letters_settled_at_idx`);
    this.addSql(`
      alter table dead_letters
        drop column status, drop column replays, drop column last_replayed_at, drop column settled_at,
        drop column discarded_at, drop column discarded_by, drop column discard_reason,
        drop column discard_correlation_id, drop column event_id, drop column event_type, drop column user_id,
        drop column headers`);
    this.addSql(`create index dead_letters_created_at_id_idx on dead_letters (created_at, id)`);
  }
}
