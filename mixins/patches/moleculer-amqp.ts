/**
 * Promise: Moleculer's AMQP transporter acknowledges nothing, leaves no promise to nobody, connects anew when the broker
 * has closed its channel, and keeps the calls under way where they are garbage once they are answered.
 */
import type { EventEmitter } from "node:events";
import { Transporters } from "moleculer";
import { PassingMap } from "../basics/passing-map.ts";

/** Moleculer's types leave out `socketOptions`. */
export type AmqpOptions = Exclude<ConstructorParameters<typeof Transporters.AMQP>[0], string | undefined> & {
  readonly socketOptions: { readonly noDelay: boolean; readonly timeout: number };
};

interface OpenedChannel extends EventEmitter {
  prefetch(count: number): Promise<unknown>;
}

export class UnacknowledgedAmqp extends Transporters.AMQP {
  constructor(options: AmqpOptions) {
    super({ ...options, consumeOptions: { noAck: true } });
    let channel: OpenedChannel | null = null;
    Object.defineProperty(this, "channel", {
      get: () => channel,
      set: (opened: OpenedChannel | null) => {
        // Of what is not acknowledged none is prefetched. Moleculer sets it all the same, and leaves the promise of it
        // to nobody: it rejected when the connection was lost at that moment, which ended the process.
        if (opened !== null) {
          opened.prefetch = () => Promise.resolve();
          this.follow(opened);
        }
        channel = opened;
      },
    });
  }

  override init(...told: Parameters<Transporters.AMQP["init"]>): void {
    super.init(...told);
    // Moleculer's own is a Map: every call of a busy node, with all that hangs on it, would wait for a collection.
    const [transit] = told;
    transit.pendingRequests = new PassingMap<string, object>() as unknown as typeof transit.pendingRequests;
  }

  /** Everything is consumed without acknowledgement, so nothing may be acknowledged. */
  override _consumeCB(command: string): ReturnType<Transporters.AMQP["_consumeCB"]> {
    return super._consumeCB(command, false);
  }

  /**
   * Moleculer leaves a connection whose channel the broker has closed as it is, and drops whatever is sent from then on:
   * the process is mute until somebody restarts it. With the connection closed, too, it connects anew.
   */
  protected follow(channel: EventEmitter): void {
    const { connection } = this as unknown as { connection: { close(): Promise<void> } | null };
    channel.once("close", () => {
      // Not yet when the channel goes with its connection: that one is just closing.
      if (!this.channelDisconnecting) setImmediate(() => connection?.close().catch(() => {}));
    });
  }
}
