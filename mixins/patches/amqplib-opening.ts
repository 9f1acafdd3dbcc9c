/**
 * Promise: when the broker refuses to open a connection (a virtual host that is not there or not ours, a limit), the
 * error says so in the broker's words.
 *
 * amqplib (0.10.9 and 2.3.1 alike) throws the broker's close frame away at that point and says `Expected ConnectionOpenOk;
 * got <ConnectionClose channel:0>`. Neither its options nor its events let one see the frame, and Moleculer connects by
 * itself; so the step of its handshake that reads a frame is wrapped, once for all connections of the process.
 */
import { createRequire } from "node:module";

interface Frame {
  readonly id: number;
  readonly fields: { readonly replyCode: number; readonly replyText: string };
}
type Read = (error: Error | null, frame: Frame | null) => void;
interface Insides {
  readonly Connection: { readonly prototype: { step(read: Read): void } };
  readonly defs: { readonly ConnectionClose: number };
  closeMessage(frame: Frame): string;
}

const require = createRequire(import.meta.url);
const { Connection } = require("amqplib/lib/connection.js") as Insides;
const { ConnectionClose } = require("amqplib/lib/defs.js") as Insides["defs"];
const { closeMessage } = require("amqplib/lib/format.js") as Insides;

const { step } = Connection.prototype;

/** amqplib calls it only until the connection is open. */
Connection.prototype.step = function (read) {
  step.call(this, (error, frame) => {
    if (error !== null || frame?.id !== ConnectionClose) return read(error, frame);
    const refusal = new Error(`Connection refused by server: ${closeMessage(frame)}`);
    read(Object.assign(refusal, { code: frame.fields.replyCode }), null);
  });
};
