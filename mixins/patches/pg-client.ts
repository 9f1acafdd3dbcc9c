/** What pg's client keeps to itself: its pipeline mode, where it connects to, and the connection beneath it. */
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type pg from "pg";

const portDefault = 5432;

interface ParameterStatus {
  readonly parameterName: string;
  readonly parameterValue: string;
}

/** A stream of Deno's may lack what Node's has. */
export interface Wire {
  readonly stream: Partial<Socket & TLSSocket>;
  ssl: pg.ClientConfig["ssl"];
  on(event: "errorMessage", listener: (error: unknown) => void): void;
  on(event: "parameterStatus", listener: (status: ParameterStatus) => void): void;
}

export const wireOf = (client: pg.Client): Wire => (client as unknown as { connection: Wire }).connection;

/** From now on no statement waits for the answer to the one before. As an option, the pool would lose the password. */
export const pipeline = (client: pg.Client): void => void Object.assign(client, { pipeline: true });

/** The process of the server that has its session; undefined before it is connected. */
export const backendOf = (client: pg.Client): number | undefined =>
  (client as unknown as { processID: number | null }).processID ?? undefined;

/** A client that has not connected yet goes to this server, whatever it was made for; its login stays what it is. */
export function aim(client: pg.Client, { host, port = portDefault, ssl }: pg.ClientConfig): void {
  Object.assign(client, { host, port });
  if (ssl !== undefined) wireOf(client).ssl = ssl;
}
