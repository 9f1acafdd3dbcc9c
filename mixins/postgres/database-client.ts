/**
 * Promise: a statement with parameters is parsed and planned once a connection and goes by its name from then on, and
 * the `begin` of a transaction costs no round trip of its own; an error tells whether it came while connecting
 * (`connecting`), and a session that can't be written to or is broken says so (`isSpent`). It connects to the primary
 * among its servers, and to no standby, which may be of any age, but for whoever says that any will do. What a session is told as it begins holds
 * behind a pooler too, which keeps it to itself: there each transaction is told (session-settings.ts). A `timestamptz` is
 * a Date. Nothing else differs from pg's client.
 *
 * `begin` can't fail but with its connection, which then fails the statement behind it as well, so that statement is sent
 * without waiting for the answer (pg's pipeline mode, which keeps a result and an error for each). One wait and one
 * wake-up less on both sides: a transaction of one statement has three of them otherwise.
 */
import { createHash } from "node:crypto";
import pg from "pg";
import { aim, backendOf, pipeline, wireOf } from "../patches/pg-client.ts";
import { databaseFaultOf, isUnanswered, ReadOnlyDatabase } from "./database-faults.ts";
import { DatabaseServers, databaseServers, type Reading } from "./database-servers.ts";
import { type SessionSettings, settingsOf } from "./session-settings.ts";

/** Our statements are constants; what is more than that is sent unnamed. */
const preparedMax = 200;

const timestamptz = pg.types.builtins.TIMESTAMPTZ;

const begun = { command: "BEGIN", rowCount: null, rows: [], oid: 0, fields: [] };

/** The statement that begins a transaction, also one with an isolation level, and the ones that end it. */
const opens = /^(begin|start transaction)\b/i;
const closes = /^(commit|rollback)$/i;

type Query = (text: unknown, values?: unknown, callback?: unknown) => unknown;

/** On: the server is a standby. */
const standbySetting = "in_hot_standby";
/** Told by PostgreSQL 14 and later at the begin of a session and whenever they change; on: a write would be refused. */
const readOnlySettings = new Set([standbySetting, "default_transaction_read_only"]);

/** For each server that is asked, so that of the time which a connection may take such a share is left to connect. */
const shareOf = ({ connectionTimeoutMillis = 0 }: pg.ClientConfig, { all }: DatabaseServers): number =>
  Math.ceil(connectionTimeoutMillis / (all.length + 1));

export class DatabaseClient extends pg.Client {
  readonly #names = new Map<string, string>();
  /** Each setting that the server has told, and whether it is on. */
  readonly #readOnly = new Map<string, boolean>();
  readonly #wire = wireOf(this);
  readonly #servers: DatabaseServers;
  readonly #shareMs: number;
  readonly #settings: SessionSettings;
  /** What tells a transaction the settings; undefined where the session has them. */
  #telling: string | undefined;
  #isInTransaction = false;
  #opening = false;
  #broken = false;
  #isUnanswered = false;

  constructor(options: pg.ClientConfig, servers: DatabaseServers) {
    super(options);
    this.#shareMs = shareOf(options, servers);
    this.#servers = servers;
    this.#settings = settingsOf(options);
    pipeline(this);
    // As pg itself does, and for entities too: MikroORM's own options leave them texts.
    this.setTypeParser(timestamptz, pg.types.getTypeParser(timestamptz, "text"));
    this.#wire.on("errorMessage", (error) => {
      if (databaseFaultOf(error)?.session === "ended") this.#broken = true;
    });
    this.#wire.on("parameterStatus", ({ parameterName, parameterValue }) => {
      if (readOnlySettings.has(parameterName)) this.#readOnly.set(parameterName, parameterValue === "on");
    });
  }

  /**
   * The next work should have another session. A setting that makes it read-only stays in a session after it was taken
   * back, and a standby stays one when its address has gone to the new primary.
   */
  get isSpent(): boolean {
    return this.#broken || this.#isUnfit;
  }

  /** The process of the server that has not answered in time, and may be at work still. */
  get unansweredBackend(): number | undefined {
    return this.#isUnanswered ? backendOf(this) : undefined;
  }

  /** Who only reads loses nothing by a session that takes no writes. */
  get #isUnfit(): boolean {
    const { reading } = this.#servers;
    if (reading === undefined) return this.#isReadOnly;
    return reading === "of the primary" && this.#readOnly.get(standbySetting) === true;
  }

  get #isReadOnly(): boolean {
    return [...this.#readOnly.values()].includes(true);
  }

  /** What goes wrong before there is a connection is no fault of a statement, whatever code the server gives it. */
  override connect = ((callback?: (error?: Error) => void): unknown => {
    const opened = this.#open(() => super.connect());
    if (callback === undefined) return opened;
    return opened.then(() => callback(), callback);
  }) as pg.Client["connect"];

  async #open(connect: () => Promise<unknown>): Promise<void> {
    const servers = this.#servers;
    // Whoever has asked listens from the answer on; until then an error shows as the failure to connect.
    const ignore = (): void => {};
    this.on("error", ignore);
    try {
      const server = await servers.primary((connection) => this.#probe(connection));
      if (servers.all.length > 1) aim(this, server.connection);
      await connect();
      this.once("end", servers.opened(server));
      await this.#requirePrimary();
    } catch (error) {
      servers.doubt();
      this.end().catch(ignore);
      throw Object.assign(error as Error, { connecting: true });
    } finally {
      setImmediate(() => this.off("error", ignore));
    }
  }

  /** By a session of its own, which pg can't hand over. */
  async #probe(connection: pg.ClientConfig): Promise<void> {
    const { wantsReadWrite, reading } = this.#servers;
    const one = new DatabaseServers([connection], wantsReadWrite, reading);
    const client = new DatabaseClient({ ...connection, connectionTimeoutMillis: this.#shareMs }, one);
    client.on("error", () => {}); // shows as the failure to connect
    await client.connect();
    client.end().catch(() => {});
  }

  async #requirePrimary(): Promise<void> {
    const isStandby = this.#readOnly.get(standbySetting);
    const isAsked = isStandby === undefined || this.#settings.names.length > 0;
    const isNone = isStandby === true || (isAsked && (await this.#isStandby()));
    if (isNone && this.#servers.reading !== "of any")
      throw new ReadOnlyDatabase("Cannot use the server: it is a standby");
    if (this.#servers.wantsReadWrite && this.#isReadOnly)
      throw new ReadOnlyDatabase("Cannot use the server: it is set read-only");
  }

  /** PostgreSQL 13 does not tell it, and a pooler tells what held when it began; the settings are asked for at once. */
  async #isStandby(): Promise<boolean> {
    const { rows } = await this.query<{ standby: boolean; untold: boolean }>(
      "select pg_is_in_recovery() as standby, exists (select from pg_settings where name = any ($1) and source <> 'client') as untold",
      [this.#settings.names],
    );
    if (rows[0]?.untold === true) this.#telling = this.#settings.telling;
    return rows[0]?.standby === true;
  }

  override query = ((text: unknown, values?: unknown, callback?: unknown): unknown => {
    const send = super.query as Query;
    if (text === "begin" && callback === undefined) return this.#begin(send);
    const isOpening = typeof text === "string" && opens.test(text);
    const isClosing = typeof text === "string" && closes.test(text);
    if (this.#telling !== undefined && !this.#isInTransaction && !isOpening && !isClosing && !callback)
      return this.#alone(send, text, values);
    if (isOpening || isClosing) this.#isInTransaction = isOpening;
    const result =
      typeof text === "string" && Array.isArray(values) && values.length > 0
        ? send.call(this, { name: this.#nameOf(text), text, values }, callback)
        : send.call(this, text, values, callback);
    if (isOpening) this.#tell(send);
    this.#sent();
    if (result instanceof Promise)
      result.catch((error: unknown) => {
        if (isUnanswered(error)) this.#isUnanswered = true;
      });
    return result;
  }) as pg.Client["query"];

  #begin(send: Query): Promise<unknown> {
    const { stream } = this.#wire;
    // Held back for the statement behind it, so that both are one packet; at the latest until this turn is over.
    stream.cork?.();
    this.#opening = true;
    this.#isInTransaction = true;
    (send.call(this, "begin") as Promise<unknown>).catch(() => {});
    this.#tell(send);
    setImmediate(() => this.#sent());
    return Promise.resolve(begun);
  }

  /** What fails it fails the statement behind it as well. */
  #tell(send: Query): void {
    if (this.#telling === undefined) return;
    (send.call(this, this.#telling) as Promise<unknown>).catch(() => {});
  }

  /** In a transaction of its own, which costs no round trip: all of it is sent together. */
  async #alone(send: Query, text: unknown, values: unknown): Promise<unknown> {
    void this.#begin(send);
    const [result] = await Promise.all([
      (this.query as Query)(text, values),
      (this.query as Query)("commit"),
    ]);
    return result;
  }

  #sent(): void {
    if (!this.#opening) return;
    this.#opening = false;
    this.#wire.stream.uncork?.();
  }

  #nameOf(text: string): string | undefined {
    const known = this.#names.get(text);
    if (known !== undefined || this.#names.size >= preparedMax) return known;
    const name = createHash("sha256").update(text).digest("base64url").slice(0, 16);
    this.#names.set(text, name);
    return name;
  }
}

/** As a pool makes its clients: all of them share what is known of the servers. */
export const clientsOf = (servers: DatabaseServers): (new (options: pg.ClientConfig) => DatabaseClient) =>
  class extends DatabaseClient {
    constructor(options: pg.ClientConfig) {
      super(options, servers);
    }
  };

/**
 * A connection beside the pools, open; whoever gets it ends it. To ask several servers takes less than
 * `connectionTimeoutMillis`, and so does to connect. Rejects as a pool's connection would.
 */
export async function openClient(
  url: string,
  options: pg.ClientConfig & { readonly connectionTimeoutMillis: number },
  reading?: Reading,
): Promise<DatabaseClient> {
  const servers = databaseServers(url, reading);
  const client = new DatabaseClient({ ...servers.last.connection, ...options }, servers);
  client.on("error", () => {}); // shows as the failure of the next statement
  const since = performance.now();
  await client.connect().catch((cause: Error) => {
    // When its time is over pg says whatever it is that the socket says of its end.
    const isLate = performance.now() - since >= options.connectionTimeoutMillis;
    throw isLate ? Object.assign(cause, { code: "ETIMEDOUT" }) : cause;
  });
  return client;
}
