/**
 * Promise: a message that found no queue is never lost in silence. A call fails at once as Undelivered, which says that
 * nobody has begun it; an answer is sent again while its caller may be about to be back at another node of RabbitMQ.
 */
import { Errors } from "moleculer";
import { pause } from "../basics/pause.ts";
import type { ReturnedMessage } from "../patches/moleculer-amqp.ts";
import { packetsOf } from "./call-frames.ts";

const resendMs = 200;
const resendsMax = 6;
const resentHeader = "x-mailroster-resent";

/** The call found no queue: nobody has begun it. */
export class Undelivered extends Errors.ServiceNotAvailableError {
  /** To whoever does not tell it apart, and over the wire, it is what it extends. */
  override name = "ServiceNotAvailableError";
}

interface PendingCall {
  readonly nodeID: string;
  readonly action: { readonly name: string };
  reject(error: Error): void;
}

export interface Sender {
  /** Of the names of all queues. */
  readonly prefix: string;
  readonly closing: AbortSignal;
  /** The id of the call that a packet is. */
  idOf(packet: Buffer): string;
  /** The call is nobody's any more. */
  take(id: string): PendingCall | undefined;
  send(queue: string, content: Buffer, headers: Record<string, unknown>): void;
}

export async function takeBack(sender: Sender, message: ReturnedMessage): Promise<void> {
  const { content, properties } = message;
  const { routingKey: queue } = message.fields;
  if (queue.startsWith(`${sender.prefix}.REQ.`))
    for (const packet of packetsOf(content)) {
      const call = sender.take(sender.idOf(packet));
      call?.reject(new Undelivered({ action: call.action.name, nodeID: call.nodeID }));
    }
  if (!queue.startsWith(`${sender.prefix}.RES.`)) return;
  const times = Number(properties.headers?.[resentHeader] ?? 0);
  if (times >= resendsMax) return;
  await pause(resendMs, sender.closing);
  sender.send(queue, content, { [resentHeader]: times + 1 });
}
