/**
 * Promise: what amqplib writes to its socket in one turn leaves with one system call, in order; and a socket can be given
 * up at once. amqplib writes each frame by itself: a batch of thirteen events is as many system calls, which were a sixth
 * of the CPU of a create.
 */
import type { Socket } from "node:net";

/** `connection` is what amqplib's `connect` gives, which hides its socket. */
const socketOf = (connection: object): Socket =>
  (connection as { connection: { stream: Socket } }).connection.stream;

type Write = (...chunk: unknown[]) => boolean;

export function corkWrites(connection: object): void {
  const socket = socketOf(connection);
  const write = socket.write.bind(socket) as Write;
  let corked = false;
  const inTurn: Write = (...chunk) => {
    if (!corked) {
      corked = true;
      socket.cork();
      process.nextTick(() => {
        corked = false;
        socket.uncork();
      });
    }
    return write(...chunk);
  };
  socket.write = inTurn as Socket["write"];
}

/**
 * A socket whose other side fell silent would stay for ever after amqplib's polite `end`. With an error, because
 * amqplib does not listen for a socket that just closes.
 */
export const destroySocket = (connection: object): void =>
  void socketOf(connection).destroy(new Error("the connection was given up"));
