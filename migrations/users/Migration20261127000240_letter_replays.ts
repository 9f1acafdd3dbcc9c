import { Migration } from "@mikro-orm/migrations";

/** Replays of all dead letters of a cause: who began them, how far they are, and what each has sent. */
export class Migration20261127000240_letter_replays extends Migration {
  override up(): void {
    this.addSql(`
      create table dead_letter_replays (
        id uuid not null primary key,
        cause text not null,
        failed_before timestamptz(3) not null,
        max int not null,
        status text not null,
        started_at timestamptz(3) not null,
        started_by text not null,
        correlation_id text not null,
        ended_at timestamptz(3) null,
        error text null,
        letters int not null,
        constraint dead_letter_replays_status_check check (status in ('running', 'done', 'failed', 'interrupted'))
      )`);
    this.addSql(`
      create table dead_letter_replayed (
        replay_id uuid not null,
        letter_id uuid not null,
        replays int not null,
        primary key (replay_id, letter_id)
      )`);
  }

  override down(): void {
    this.addSql(`drop table dead_letter_replayed`);
    this.addSql(`drop table dead_letter_replays`);
  }
}
