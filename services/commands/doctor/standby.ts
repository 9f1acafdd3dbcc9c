/** Looks at what follows a PostgreSQL server: whether a failover may lose what was acknowledged, and what waits for whom. */
import { counted } from "../../../mixins/basics/plural.ts";
import { type Finding, hint, ok, problem } from "./findings.ts";

/** A row of pg_stat_replication; state and synchrony are null for who is no member of pg_monitor. */
export interface Standby {
  readonly name: string;
  readonly state: string | null;
  readonly sync: string | null;
}

export interface Replication {
  /** synchronous_standby_names. */
  readonly awaited: string;
  readonly standbys: readonly Standby[];
}

/** A base backup is in pg_stat_replication for as long as it takes, and follows nothing. */
export const replicationQuery = `
  select current_setting('synchronous_standby_names') as awaited,
    coalesce((select jsonb_agg(jsonb_build_object('name', application_name, 'state', state, 'sync', sync_state))
      from pg_stat_replication where state is distinct from 'backup'), '[]') as standbys`;

/** Nothing of a server that nobody follows, and nobody is to follow. Pure. */
export function standbyFindings(database: string, { awaited, standbys }: Replication): Finding[] {
  const part = `${database} standby`;
  if (awaited === "" && standbys.length === 0) return [];
  const is = counted(standbys.length, "standby follows", "standbys follow");
  if (awaited === "")
    return [
      hint(
        part,
        `${is}, none synchronously: a failover may lose what was acknowledged`,
        "synchronous_standby_names (Patroni: synchronous_mode), see docs/scaling.md",
      ),
    ];
  const commits = `commits wait for synchronous_standby_names = ${awaited}`;
  if (standbys.length > 0 && standbys.every(({ state }) => state === null))
    return [
      hint(part, `${commits}; ${is}`, "`grant pg_monitor to <role>` shows which of them are synchronous"),
    ];
  const states = standbys.map(({ name, state, sync }) => `${name} ${sync}, ${state}`).join("; ");
  const isAwaited = standbys.some(
    ({ state, sync }) => state === "streaming" && (sync === "sync" || sync === "quorum"),
  );
  return [
    isAwaited
      ? ok(part, states)
      : problem(
          part,
          `${commits}, and no such standby streams${states === "" ? "" : ` (${states})`}`,
          "start the standby, or take it out of synchronous_standby_names; until then writes end in 503",
        ),
  ];
}
