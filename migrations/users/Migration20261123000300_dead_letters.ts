import { Migration } from "@mikro-orm/migrations";

/** Events that a consumer gave up. */
export class Migration20261123000300_dead_letters extends Migration {
  override up(): void {
    this.addSql(`
      create table dead_letters (
        id uuid primary key,
        queue text not null,
        message_id text,
        correlation_id text,
        routing_key text not null,
        body bytea not null,
        fingerprint text not null,
        reason text not null,
        error text not null,
        attempts int not null,
        first_failed_at timestamptz(3) not null,
        last_failed_at timestamptz(3) not null,
        created_at timestamptz(3) not null default now(),
        constraint dead_letters_queue_fingerprint_key unique (queue, fingerprint)
      )`);
    this.addSql(`create index dead_letters_created_at_id_idx on dead_letters (created_at, id)`);
  }

  override down(): void {
    this.addSql(`drop table dead_letters`);
  }
}
