/** Where a system has its data. */
import type pg from "pg";

/** One system's own databases and virtual host. */
export interface Place {
  readonly name: string;
  readonly usersDatabase: string;
  readonly registryDatabase: string;
  readonly usersUrl: string;
  readonly registryUrl: string;
  readonly amqpUrl: string;
  /** The harness's own connections. */
  readonly users: pg.Pool;
  readonly registry: pg.Pool;
}
