/** Finding and checking TCP ports before anything that lasts is touched. */
import { type AddressInfo, createServer } from "node:net";
import { StartError } from "../../services/contracts/exits.ts";
import { authorityOf } from "../../services/contracts/host.ts";

/** Says why a server can't listen, and what to set: `variable`, which set its port, or that of its host beside it. */
export function listenError(
  variable: `${string}_PORT`,
  host: string,
  port: number,
  cause: unknown,
): StartError {
  const { code = "an error" } = cause as NodeJS.ErrnoException;
  const hostVariable = variable.replace(/_PORT$/, "_HOST");
  const noAddress = `this machine has no such address, set ${hostVariable} to one that it has`;
  const states: Record<string, string> = {
    EADDRINUSE: `another process has this port, set ${variable} to a free one`,
    EACCES: `this port needs privileges, set ${variable} to one above 1023`,
    EADDRNOTAVAIL: noAddress,
    ENOTFOUND: noAddress,
    EAI_AGAIN: noAddress,
  };
  const state = states[code] ?? `the system answers ${code}, check ${hostVariable} and ${variable}`;
  return new StartError(`Cannot listen on ${authorityOf(host, port)}: ${state}`, { cause });
}

const listenOnce = (host: string, port: number): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen({ host, port, exclusive: true }, () => {
      const bound = (server.address() as AddressInfo).port;
      server.close(() => resolve(bound));
    });
  });

/** Throws StartError when the port is taken; 0 means any, which is never taken. */
export async function requireFreePort(variable: `${string}_PORT`, host: string, port: number): Promise<void> {
  if (port === 0) return;
  try {
    await listenOnce(host, port);
  } catch (cause) {
    throw listenError(variable, host, port, cause);
  }
}

/** A port of the loopback interface that nobody listens on now. */
export const freePort = (): Promise<number> => listenOnce("127.0.0.1", 0);
