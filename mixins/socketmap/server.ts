/**
 * Promise: while its service runs, mail servers can ask by socketmap (socketmap_table(5) of Postfix, Sendmail's since
 * 8.13): one netstring a request, one a reply. A stop takes no more requests, answers those that it has, and leaves no
 * connection.
 *
 * Nobody proves who they are and nothing is encrypted: only this machine is let in, and the networks that are named.
 */
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { isLoopbackAddress } from "../../services/contracts/networks.ts";
import type { Mixin } from "../basics/mixin.ts";
import { pause } from "../basics/pause.ts";
import { listenError } from "../basics/ports.ts";
import { type Answer, Conversation, type ConversationLimits } from "./conversation.ts";

export interface SocketmapOptions {
  /** The variable that says the port, for the message when it is taken. */
  readonly variable: `${string}_PORT`;
  readonly host: string;
  readonly port: number;
  /** Whether a client of another machine is let in. */
  readonly allows: (address: string | undefined) => boolean;
  readonly answer: Answer;
  /** Told how many there are whenever that changes. */
  readonly onConnections?: (count: number) => void;
  readonly limits?: Partial<ConversationLimits>;
}

/** Postfix has up to 100 smtpd and as many cleanup, each with one. */
const connectionsMax = 1_000;
const limitsDefault: ConversationLimits = { idleMs: 60_000, requestMs: 10_000, inHandMax: 100 };
/** Every answer is due by then. */
const drainMsMax = 2_500;

export interface SocketmapServer {
  readonly mixin: Mixin;
  /** undefined: it does not listen. */
  address(): AddressInfo | undefined;
}

export function socketmapServer(options: SocketmapOptions): SocketmapServer {
  const limits = { ...limitsDefault, ...options.limits };
  const open = new Map<Socket, Conversation>();
  let server: Server | undefined;
  const tell = (): void => options.onConnections?.(open.size);

  function onConnection(socket: Socket): void {
    const { remoteAddress } = socket;
    if (remoteAddress === undefined || !(isLoopbackAddress(remoteAddress) || options.allows(remoteAddress))) {
      socket.destroy();
      return;
    }
    open.set(socket, new Conversation(socket, options.answer, limits));
    tell();
    socket.once("close", () => {
      open.delete(socket);
      tell();
    });
  }

  async function stop(listening: Server): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      listening.close(() => resolve());
    });
    for (const conversation of open.values()) conversation.end();
    const inTime = new AbortController();
    await Promise.race([closed, pause(drainMsMax, inTime.signal)]);
    inTime.abort();
    for (const socket of open.keys()) socket.destroy();
    await closed;
  }

  return {
    address: () => (server?.address() as AddressInfo | null | undefined) ?? undefined,
    mixin: {
      async started() {
        // Without it Node ends a socket whose client has ended its side, before an answer that is still to come.
        const made = createServer({ allowHalfOpen: true }, onConnection);
        made.maxConnections = connectionsMax;
        await new Promise<void>((resolve, reject) => {
          made.once("error", (cause) =>
            reject(listenError(options.variable, options.host, options.port, cause)),
          );
          made.listen(options.port, options.host, () => resolve());
        });
        server = made;
      },
      async stopped() {
        if (server !== undefined) await stop(server);
        server = undefined;
      },
    },
  };
}
