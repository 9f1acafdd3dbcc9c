/**
 * Promise: a statement with parameters is parsed and planned once a connection and goes by its name from then on, and
 * the `begin` of a transaction costs no round trip of its own; an error tells whether it came while connecting
 * (`connecting`), and a session that can't be written to or is broken says so (`isSpent`). A `timestamptz` is a Date.
 * Nothing else differs from pg's client.
 *
 * `begin` can't fail but with its connection, which then fails the statement behind it as well, so that statement is sent
 * without waiting for the answer (pg's pipeline mode, which keeps a result and an error for each). One wait and one
 * wake-up less on both sides: a transaction of one statement has three of them otherwise.
 */
import { createHash } from "node:crypto";
import pg from "pg";
import { pipeline, wireOf } from "../patches/pg-client.ts";
import { databaseFaultOf } from "./database-faults.ts";

/** Our statements are constants; what is more than that is sent unnamed. */
const preparedMax = 200;

const timestamptz = pg.types.builtins.TIMESTAMPTZ;

const begun = { command: "BEGIN", rowCount: null, rows: [], oid: 0, fields: [] };

type Query = (text: unknown, values?: unknown, callback?: unknown) => unknown;

/** Told by PostgreSQL 14 and later at the begin of a session and whenever they change; on: a write would be refused. */
const readOnlySettings = new Set(["in_hot_standby", "default_transaction_read_only"]);

export class DatabaseClient extends pg.Client {
  readonly #names = new Map<string, string>();
  readonly #readOnlyBy = new Set<string>();
  readonly #wire = wireOf(this);
  #opening = false;
  #broken = false;

  constructor(options: pg.ClientConfig) {
    super(options);
    pipeline(this);
    // As pg itself does, and for entities too: MikroORM's own options leave them texts.
    this.setTypeParser(timestamptz, pg.types.getTypeParser(timestamptz, "text"));
    this.#wire.on("errorMessage", (error) => {
      if (databaseFaultOf(error)?.session === "ended") this.#broken = true;
    });
    this.#wire.on("parameterStatus", ({ parameterName, parameterValue }) => {
      if (!readOnlySettings.has(parameterName)) return;
      if (parameterValue === "on") this.#readOnlyBy.add(parameterName);
      else this.#readOnlyBy.delete(parameterName);
    });
  }

  /**
   * The next work should have another session. A setting that makes it read-only stays in a session after it was taken
   * back, and a standby stays one when its address has gone to the new primary.
   */
  get isSpent(): boolean {
    return this.#broken || this.#readOnlyBy.size > 0;
  }

  /** What goes wrong before there is a connection is no fault of a statement, whatever code the server gives it. */
  override connect = ((callback?: (error?: Error) => void): unknown => {
    const open = super.connect as (callback?: (error?: Error) => void) => unknown;
    if (callback === undefined) return open.call(this);
    return open.call(this, (error) => {
      if (error) Object.assign(error, { connecting: true });
      callback(error);
    });
  }) as pg.Client["connect"];

  override query = ((text: unknown, values?: unknown, callback?: unknown): unknown => {
    const send = super.query as Query;
    if (text === "begin" && callback === undefined) return this.#begin(send);
    const result =
      typeof text === "string" && Array.isArray(values) && values.length > 0
        ? send.call(this, { name: this.#nameOf(text), text, values }, callback)
        : send.call(this, text, values, callback);
    this.#sent();
    return result;
  }) as pg.Client["query"];

  #begin(send: Query): Promise<unknown> {
    const { stream } = this.#wire;
    // Held back for the statement behind it, so that both are one packet; at the latest until this turn is over.
    stream.cork?.();
    this.#opening = true;
    (send.call(this, "begin") as Promise<unknown>).catch(() => {});
    setImmediate(() => this.#sent());
    return Promise.resolve(begun);
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
