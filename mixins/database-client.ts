/**
 * Promise: a statement with parameters is parsed and planned once a connection and goes by its name from then on, and
 * the `begin` of a transaction costs no round trip of its own; an error tells whether it came while connecting
 * (`connecting`). Nothing else differs from pg's client.
 *
 * `begin` can't fail but with its connection, which then fails the statement behind it as well, so that statement is sent
 * without waiting for the answer (pg's pipeline mode, which keeps a result and an error for each). One wait and one
 * wake-up less on both sides: a transaction of one statement has three of them otherwise.
 */
import { createHash } from "node:crypto";
import pg from "pg";

/** Our statements are constants; what is more than that is sent unnamed. */
const preparedMax = 200;

const begun = { command: "BEGIN", rowCount: null, rows: [], oid: 0, fields: [] };

type Query = (text: unknown, values?: unknown, callback?: unknown) => unknown;
type Corkable = { readonly connection: { readonly stream: { cork?(): void; uncork?(): void } } };

export class DatabaseClient extends pg.Client {
  readonly #names = new Map<string, string>();
  #opening = false;

  constructor(options: pg.ClientConfig) {
    super(options);
    // Not as an option: the pool hides the password in its own, and a copy of them would lose it.
    Object.assign(this, { pipeline: true });
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
    const { stream } = (this as unknown as Corkable).connection;
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
    (this as unknown as Corkable).connection.stream.uncork?.();
  }

  #nameOf(text: string): string | undefined {
    const known = this.#names.get(text);
    if (known !== undefined || this.#names.size >= preparedMax) return known;
    const name = createHash("sha256").update(text).digest("base64url").slice(0, 16);
    this.#names.set(text, name);
    return name;
  }
}
