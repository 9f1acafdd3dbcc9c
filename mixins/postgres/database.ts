/**
 * Promise: one MikroORM unit of work a transaction; it commits as a whole or not at all. A database that can't be
 * reached becomes Unavailable at once, one that has fallen silent a second after the statement's time, and the pool
 * heals by itself when it is back.
 *
 * `started` opens, `stopped` closes. Two bugs of kysely 0.29.6 (a leaked pool slot, a swallowed rollback) are
 * why package.json overrides it.
 */
import { randomUUID } from "node:crypto";
import { MikroORM, type Options, PostgreSqlDriver, type TransactionOptions } from "@mikro-orm/postgresql";
import type { Pool } from "pg";
import { Unavailable } from "../../services/contracts/errors.ts";
import type { Mixin } from "../basics/mixin.ts";
import { within } from "../basics/pause.ts";
import type { Logger } from "../log/logging.ts";
import { ConnectionBudget } from "./connection-budget.ts";
import { clientsOf, DatabaseClient } from "./database-client.ts";
import { outageTextOf } from "./database-faults.ts";
import { requireRoom, requireUsable, workingBackends } from "./database-health.ts";
import { databaseServers, type Reading } from "./database-servers.ts";
import { serversOf } from "./database-url.ts";
import { type PoolWatch, poolFigures } from "./pool-figures.ts";
import { type EntityManager, run } from "./statement.ts";

export {
  isContention,
  isDatabaseUnavailable,
  isStatementTimeout,
  isUniqueViolation,
} from "./database-faults.ts";

export type { EntityManager } from "./statement.ts";

/** As `defineEntity` makes them. */
export type Entities = Readonly<NonNullable<Options["entities"]>>;

export interface DatabaseOptions {
  readonly url: string;
  readonly entities: Entities;
  /** Shown in pg_stat_activity. */
  readonly applicationName: string;
  readonly poolMax: number;
  /** A statement that runs longer is cancelled by the server, or, a second later, given up with its connection. */
  readonly statementTimeoutMs: number;
  readonly connectTimeoutMs?: number;
  /** Shows how much of the pool is in use. */
  readonly metrics?: PoolWatch["metrics"];
  /** Nothing is written there, and this is where it is read. */
  readonly reading?: Reading | undefined;
  /** Gets the slow statements, and at `debug` all of them; absent: none. */
  readonly log?: Logger;
}

const connectTimeoutMsDefault = 1_000;
const poolIdleMs = 30_000;
/** After its statement timeout a server that can be reached has answered. */
const answerWaitMs = 1_000;
/** A quarter of what a statement of a write may take. */
const slowStatementMs = 250;
/** How long closing waits for the work in hand. */
const closeWaitMs = 5_000;

/**
 * Plans are kept by a connection, and are made by statistics that lag by a minute behind tables that grow by thousands
 * of rows a second. A plan that reads a whole table, because it was small, made a batch of twelve events three times as
 * slow after 5,000 users. So none does: rows are looked up by their index, and a page is a walk of one instead of a
 * bitmap of all that follows, sorted. No statement of ours is worth compiling.
 */
const planning = ["enable_seqscan", "enable_bitmapscan", "enable_hashjoin", "enable_mergejoin", "jit"]
  .map((setting) => `-c ${setting}=off`)
  .join(" ");

/** What MikroORM needs for one database; the migrator and the drift check use it too. Throws as `databaseServers`. */
export const ormOptions = (options: DatabaseOptions): Options => {
  const servers = databaseServers(options.url, options.reading);
  const named = servers.last.connection;
  return {
    driver: PostgreSqlDriver,
    // MikroORM reads one server; where a connection goes is the client's.
    clientUrl: serversOf(options.url)[0],
    entities: [...options.entities],
    allowGlobalContext: false,
    // MikroORM finds the running transaction by this name in an AsyncLocalStorage that all its instances share: under
    // one name, a consumer that the in-process bus calls from the relay's transaction ran in that one, on its database.
    contextName: randomUUID(),
    pool: { min: 0, max: options.poolMax, idleTimeoutMillis: poolIdleMs },
    driverOptions: {
      ...named,
      connectionTimeoutMillis: options.connectTimeoutMs ?? connectTimeoutMsDefault,
      keepAlive: true,
      application_name: options.applicationName,
      statement_timeout: options.statementTimeoutMs,
      // A connection that swallows everything would hold its work, and all that waits behind it, until the kernel gives up.
      query_timeout: options.statementTimeoutMs + answerWaitMs,
      Client: clientsOf(servers),
      options: named.options === undefined ? planning : `${planning} ${named.options}`,
    },
    loggerFactory: () => ormLogger(options.log),
  } as unknown as Options;
};

interface Statement {
  readonly query: string;
  readonly took?: number;
  readonly results?: number;
  readonly affected?: number;
  readonly level?: string;
}

/**
 * What MikroORM tells, as lines of the request that runs: each statement at `debug`, a slow one at `warn`. The text of a
 * statement has placeholders; its values, and the messages of the driver that quote them, are left out. A failed
 * statement is no more than `debug` here: most are expected (a taken key), and the others are logged where they end.
 */
const ormLogger = (log: Logger | undefined) => ({
  log() {},
  warn() {},
  error() {},
  logQuery({ query, took = 0, results, affected, level }: Statement) {
    if (log === undefined) return;
    if (took < slowStatementMs && !log.isLevelEnabled("debug")) return;
    const members = { sql: query, ms: Math.round(took), rows: affected ?? results };
    if (took >= slowStatementMs) log.warn(members, "slow statement");
    else log.debug(members, level === "error" ? "statement failed" : "statement");
  },
  setDebugMode() {},
  isEnabled: () => false,
});

export interface Database {
  readonly mixin: Mixin;
  /** A unit of work of its own; throws before `started`, Unavailable once closed. */
  em(): EntityManager;
  /** Runs `fn` in one transaction; Unavailable when the database can't be reached. */
  transaction<T>(fn: (em: EntityManager) => Promise<T>): Promise<T>;
  /** As `transaction`, for reads alone, and each of them sees what was there when the first one began. */
  snapshot<T>(fn: (em: EntityManager) => Promise<T>): Promise<T>;
  /** Runs reads outside a transaction; Unavailable when the database can't be reached. */
  read<T>(fn: (em: EntityManager) => Promise<T>): Promise<T>;
  /**
   * The health check: whether a write can succeed now, or a read where nothing is written. It is cheap while all is well;
   * once work has failed for the database's sake it writes, until that succeeds.
   */
  check(): Promise<void>;
}

/** The pool drops a session that is ending when it comes back, and opens another one for whoever is next. */
const giveUp = (_: Error, client: unknown): void => {
  if (client instanceof DatabaseClient && client.isSpent) void client.end();
};

/** Opens with the service that carries `mixin`, closes with it. */
export function database(options: DatabaseOptions): Database {
  let orm: MikroORM | undefined;
  let closed = false;
  /** Work has failed for the database's sake since a write was last seen to succeed. */
  let failing = false;
  const budget = new ConnectionBudget({
    poolMax: options.poolMax,
    waitMsMax: options.connectTimeoutMs ?? connectTimeoutMsDefault,
    ask: (pids) => run(em(), workingBackends(pids, options.applicationName)),
  });
  const pool = poolFigures(options, budget);
  const running = new Set<Promise<void>>();
  const em = (): EntityManager => {
    // A call may still arrive while its process stops: another process will do it, so it is no defect.
    if (closed) throw new Unavailable("database", "The database is closed: the process is stopping");
    if (orm === undefined)
      throw new Error(`Cannot use the database of ${options.applicationName}: it is not started`);
    return orm.em.fork() as EntityManager;
  };
  const transactional = <T>(
    fn: (em: EntityManager) => Promise<T>,
    kind: TransactionOptions = {},
  ): Promise<T> => budget.transaction(() => em().transactional((inner) => fn(inner as EntityManager), kind));
  const translated = async <T>(work: () => Promise<T>): Promise<T> => {
    let ended: () => void = () => {};
    const end = new Promise<void>((resolve) => {
      ended = resolve;
    });
    running.add(end);
    try {
      return await work();
    } catch (cause) {
      const outage = outageTextOf(cause);
      if (outage === undefined) throw cause;
      failing = true;
      throw new Unavailable("database", outage, { cause });
    } finally {
      running.delete(end);
      ended();
    }
  };
  return {
    em,
    transaction: (fn) => translated(() => transactional(fn)),
    snapshot: (fn) =>
      translated(() => transactional(fn, { isolationLevel: "repeatable read", readOnly: true })),
    read: (fn) => translated(() => fn(em())),
    check: () =>
      translated(async () => {
        const isRead = options.reading !== undefined;
        await requireUsable(em(), isRead);
        if (!failing || isRead) return;
        await transactional(requireRoom);
        failing = false;
      }),
    mixin: {
      async started() {
        closed = false;
        const configured = ormOptions(options);
        const onPoolCreated = (connections: Pool): void => {
          connections.on("release", giveUp);
          budget.watch(connections);
          pool.watch(connections);
        };
        const driverOptions = { ...configured.driverOptions, onPoolCreated };
        orm = await MikroORM.init({ ...configured, driverOptions });
      },
      async stopped() {
        closed = true;
        // Closed under its hands, work of several statements would fail, or open a connection that nobody closes.
        await within(closeWaitMs, "too late", Promise.all(running)).catch(() => {});
        budget.end();
        pool.end();
        await orm?.close();
        orm = undefined;
      },
    },
  };
}
