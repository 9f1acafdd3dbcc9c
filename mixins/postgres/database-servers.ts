/**
 * Promise: of the servers that a URL names, a connection is opened to the one that takes writes. They are asked in turn,
 * the one that was it last first, each for a share of the time that a connection may take, and by one caller for all.
 *
 * While sessions to the last one are open and nothing has failed there, nobody is asked: a process that works opens
 * a connection as it would with one server.
 */
import type pg from "pg";
import { ReadOnlyDatabase } from "./database-faults.ts";
import { connectionsOf, wantsReadWrite } from "./database-url.ts";

export interface DatabaseServer {
  /** Among those of the URL. */
  readonly place: number;
  readonly connection: pg.ClientConfig;
}

/**
 * By whoever writes nothing: as one who may only read, of the primary, or of any server, a standby among them. Who reads
 * of any has to know how old that may be.
 */
export type Reading = "of the primary" | "of any";

/** Resolves when the server takes writes, rejects with the reason why it can't be used. */
type Probe = (connection: pg.ClientConfig) => Promise<void>;

/** What is known of the servers of one URL. Those who open connections to the same database may share it. */
export class DatabaseServers {
  readonly all: readonly DatabaseServer[];
  /** A server that is set read-only is refused as a standby is. */
  readonly wantsReadWrite: boolean;
  /** What they are used for when nothing is written. */
  readonly reading: Reading | undefined;
  /** Open sessions, by place. */
  readonly #sessions: number[];
  #last = 0;
  #isDoubted = false;
  #search: Promise<DatabaseServer> | undefined;

  constructor(connections: readonly pg.ClientConfig[], isReadWrite: boolean, reading?: Reading) {
    this.reading = reading;
    this.all = connections.map((connection, place) => ({ place, connection }));
    this.wantsReadWrite = isReadWrite;
    this.#sessions = this.all.map(() => 0);
  }

  /** The one of a URL that names one, and of others the one to begin with. */
  get last(): DatabaseServer {
    return this.all[this.#last] as DatabaseServer;
  }

  /** Rejects when none takes writes: with a standby's refusal, or else with why the first that was asked can't be used. */
  async primary(probe: Probe): Promise<DatabaseServer> {
    const isKnown = !this.#isDoubted && (this.#sessions[this.#last] ?? 0) > 0;
    if (this.all.length === 1 || isKnown) return this.last;
    this.#search ??= this.#find(probe).finally(() => {
      this.#search = undefined;
    });
    return this.#search;
  }

  /** Of one session of a server; what it returns tells of its end. */
  opened({ place }: DatabaseServer): () => void {
    this.#count(place, 1);
    return () => this.#count(place, -1);
  }

  /** A connection to it could not be opened: the next one looks again. */
  doubt(): void {
    this.#isDoubted = true;
  }

  #count(place: number, change: number): void {
    this.#sessions[place] = (this.#sessions[place] ?? 0) + change;
  }

  async #find(probe: Probe): Promise<DatabaseServer> {
    const failures: unknown[] = [];
    for (const server of [this.last, ...this.all.filter(({ place }) => place !== this.#last)])
      try {
        await probe(server.connection);
        this.#last = server.place;
        this.#isDoubted = false;
        return server;
      } catch (error) {
        failures.push(error);
      }
    throw failures.find((error) => error instanceof ReadOnlyDatabase) ?? failures[0];
  }
}

/** Of a URL. Throws what reading the named certificates throws. */
export const databaseServers = (url: string, reading?: Reading): DatabaseServers =>
  new DatabaseServers(connectionsOf(url), wantsReadWrite(url), reading);
