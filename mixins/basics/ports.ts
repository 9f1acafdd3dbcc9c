/** Finding and checking TCP ports before anything that lasts is touched. */
import { type AddressInfo, createServer } from "node:net";
import { StartError } from "../../services/contracts/exits.ts";

/** Says why a server can't listen, by the name of the variable that set the port. */
export function listenError(variable: string, host: string, port: number, cause: unknown): StartError {
  const code = (cause as NodeJS.ErrnoException).code;
  if (code === "ENOTFOUND" || code === "EADDRNOTAVAIL" || code === "EAI_AGAIN")
    return new StartError(`Cannot listen on HTTP_HOST ${host}: it is no address of this machine`, { cause });
  const state =
    code === "EADDRINUSE" ? "another process listens there" : `the system answers ${code ?? "an error"}`;
  return new StartError(`Cannot listen on ${variable} ${port} of ${host}: ${state}`, { cause });
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
export async function requireFreePort(variable: string, host: string, port: number): Promise<void> {
  if (port === 0) return;
  try {
    await listenOnce(host, port);
  } catch (cause) {
    throw listenError(variable, host, port, cause);
  }
}

/** A port of the loopback interface that nobody listens on now. */
export const freePort = (): Promise<number> => listenOnce("127.0.0.1", 0);
