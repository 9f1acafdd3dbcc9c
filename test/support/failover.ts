/**
 * A PostgreSQL with an asynchronous standby behind one address, as Patroni and a proxy make it: the standby can be cut
 * off, so that it lacks what is committed from then on, and promoted.
 */
import assert from "node:assert/strict";
import { chaosPostgres } from "../chaos/postgres.ts";
import { eventually } from "./eventually.ts";
import type { Resource } from "./resources.ts";
import { tcpProxy } from "./tcp-proxy.ts";

export interface Failover {
  /** An empty database, by the address of whoever is the primary. */
  database(name: string): Promise<Resource>;
  /** From now on the standby gets nothing; it has all that was committed before. */
  cutOff(): Promise<void>;
  /** The primary is killed, and the standby takes its place. */
  failOver(): Promise<void>;
  remove(): Promise<void>;
}

export async function failover(): Promise<Failover> {
  const primary = await chaosPostgres();
  const standby = await primary.copy();
  await standby.becomeStandby(primary.url("postgres"));
  await primary.start();
  await standby.start();
  const address = await tcpProxy(primary.url("postgres"));
  return {
    async database(name) {
      await primary.query("postgres", `create database ${name}`);
      return { url: address.through(primary.url(name)), drop: () => Promise.resolve() };
    },
    async cutOff() {
      const [at] = await primary.query<{ lsn: string }>("postgres", "select pg_current_wal_lsn() as lsn");
      await eventually(async () => {
        const reached = `select pg_last_wal_replay_lsn() >= '${at?.lsn}' as reached`;
        assert.deepEqual(await standby.query("postgres", reached), [{ reached: true }]);
      });
      await standby.query("postgres", "alter system set primary_conninfo = ''");
      await standby.query("postgres", "select pg_reload_conf()");
      await eventually(async () =>
        assert.deepEqual(await standby.query("postgres", "select from pg_stat_wal_receiver"), []),
      );
    },
    async failOver() {
      await primary.crash();
      await standby.query("postgres", "select pg_promote()");
      address.cut();
      address.leadTo(standby.url("postgres"));
    },
    async remove() {
      await address.close();
      await primary.remove();
      await standby.remove();
    },
  };
}
