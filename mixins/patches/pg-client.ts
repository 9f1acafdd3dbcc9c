/** What pg's client keeps to itself: its pipeline mode, and the connection beneath it. */
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type pg from "pg";

interface ParameterStatus {
  readonly parameterName: string;
  readonly parameterValue: string;
}

/** A stream of Deno's may lack what Node's has. */
export interface Wire {
  readonly stream: Partial<Socket & TLSSocket>;
  on(event: "errorMessage", listener: (error: unknown) => void): void;
  on(event: "parameterStatus", listener: (status: ParameterStatus) => void): void;
}

export const wireOf = (client: pg.Client): Wire => (client as unknown as { connection: Wire }).connection;

/** From now on no statement waits for the answer to the one before. As an option, the pool would lose the password. */
export const pipeline = (client: pg.Client): void => void Object.assign(client, { pipeline: true });
