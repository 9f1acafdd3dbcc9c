/**
 * Promise: a call that can't leave, because the transporter has lost its channel, fails as what it is, a disconnected
 * broker, and so is answered 503 and may be repeated.
 *
 * After a reconnect Moleculer lets every publication wait for its subscriptions. When the connection is lost once more
 * meanwhile, all of them fail with whatever amqplib said of the subscription ("Channel ended, no reply will be
 * forthcoming"), which looks like a defect: under fault after fault the gateway answered 500.
 */
import { Errors, type Middleware } from "moleculer";

/** Its types ask for what it does not take. */
const Disconnected = Errors.BrokerDisconnectedError as unknown as new () => Error;

type Publish = (packet: unknown) => Promise<unknown>;

/** What can't be serialized is our own fault, and stays so. */
const isDefect = (error: unknown): boolean => error instanceof TypeError || error instanceof RangeError;

export function transportFaults(): Middleware {
  return {
    name: "TransportFaults",
    transitPublish: (next: Publish): Publish =>
      async function publish(this: unknown, packet) {
        try {
          return await next.call(this, packet);
        } catch (cause) {
          if (cause instanceof Disconnected || isDefect(cause)) throw cause;
          throw Object.assign(new Disconnected(), { cause });
        }
      },
  } as unknown as Middleware;
}
