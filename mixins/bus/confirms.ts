/**
 * Promise: what is published on a channel gets exactly one outcome, within a bounded time, whatever becomes of the
 * channel; `confirmed` only when the broker has taken the message over and put it into a queue.
 *
 * amqplib's own bookkeeping is not enough: when a channel closes it stops calling back at the first gap of confirms
 * that came out of order, and an unroutable message is acknowledged like any other (its return comes before).
 */
import type { ConfirmChannel, Message, Options } from "amqplib";
import { PassingMap } from "../basics/passing-map.ts";
import { brokerText } from "./broker-text.ts";
import { confirmation } from "./publish-outcomes.ts";

export interface Publication {
  readonly exchange: string;
  readonly routingKey: string;
  readonly body: Buffer;
  /** Must hold `mandatory: true`; without it the broker drops what it can't route, and confirms. */
  readonly properties: Options.Publish;
}

export type ConfirmOutcome =
  | { readonly status: "confirmed" }
  | {
      readonly status: "refused";
      /** `lost`: the channel is gone, and the broker may or may not have taken the message. */
      readonly cause: "nacked" | "unroutable" | "blocked" | "lost";
      readonly reason: string;
    };

export interface Confirms {
  /** One outcome for each, in order. All go out at once, as fast as the socket takes them; never rejects. */
  publish(publications: readonly Publication[]): Promise<readonly ConfirmOutcome[]>;
  /** The broker has stopped reading: whatever waits is refused now, and may arrive later all the same. */
  refuseWaiting(reason: string): void;
  /** What the broker said when it closed the channel, which it does on a message that may not be published. */
  refusal(): string | undefined;
}

type Settle = (outcome: ConfirmOutcome) => void;

const refused = (cause: "nacked" | "unroutable" | "blocked" | "lost", reason: string): ConfirmOutcome => ({
  status: "refused",
  cause,
  reason,
});

/** Unroutable messages by what they have in common with the publication: amqplib gives no delivery tag with them. */
function returns(channel: ConfirmChannel) {
  const counts = new Map<string, number>();
  const key = (exchange: string, routingKey: string, messageId: unknown) =>
    `${exchange}\n${routingKey}\n${messageId}`;
  channel.on("return", ({ fields, properties }: Message) => {
    const returned = key(fields.exchange, fields.routingKey, properties.messageId);
    counts.set(returned, (counts.get(returned) ?? 0) + 1);
  });
  return {
    /** Whether this publication was returned; asked once, on its acknowledgement. */
    take({ exchange, routingKey, properties }: Publication): boolean {
      const asked = key(exchange, routingKey, properties.messageId);
      const count = counts.get(asked) ?? 0;
      if (count > 1) counts.set(asked, count - 1);
      else counts.delete(asked);
      return count > 0;
    },
  };
}

/** `recycle` is called when the channel is of no more use: no confirm within `confirmWaitMs`, or it threw. */
export function confirmsOf(
  channel: ConfirmChannel,
  options: { readonly confirmWaitMs: number; readonly recycle: (reason: string) => void },
): Confirms {
  const waiting = new PassingMap<number, Settle>();
  let taken = 0;
  const returned = returns(channel);
  let open = true;
  let turn: Promise<void> = Promise.resolve();

  const refuseAll = (outcome: ConfirmOutcome): void => {
    for (const settle of [...waiting.values()]) settle(outcome);
  };
  const giveUp = (reason: string): void => {
    open = false;
    refuseAll(refused("lost", reason));
  };
  let refusal: string | undefined;
  channel.once("error", (error: unknown) => {
    refusal = brokerText(error);
  });
  const closed = (): string => refusal ?? "the channel was closed";
  // Before amqplib's own listener, which tells whoever waits only that the channel is gone.
  channel.prependOnceListener("close", () => giveUp(closed()));

  /** Writes one message; false when the socket wants a pause. */
  function write(publication: Publication, settle: Settle): boolean {
    if (!open) {
      settle(refused("lost", closed()));
      return true;
    }
    const { exchange, routingKey, body, properties } = publication;
    try {
      return channel.publish(exchange, routingKey, body, properties, (nack: unknown) => {
        if (nack) settle(refused("nacked", "the broker did not accept it"));
        else if (returned.take(publication)) settle(refused("unroutable", `no queue takes ${routingKey}`));
        else settle(confirmation);
      });
    } catch (error) {
      // amqplib counts a message that it failed to encode, so every later confirm would be another message's.
      giveUp((error as Error).message);
      settle(refused("lost", (error as Error).message));
      options.recycle("a message could not be written");
      return true;
    }
  }

  const drained = () =>
    new Promise<void>((resolve) => {
      const done = () => {
        channel.off("drain", done);
        channel.off("close", done);
        resolve();
      };
      channel.once("drain", done);
      channel.once("close", done);
    });

  return {
    refuseWaiting: (reason) => refuseAll(refused("blocked", reason)),
    refusal: () => refusal,
    async publish(publications) {
      const tickets = publications.map((publication) => {
        let settle: Settle = () => {};
        const place = ++taken;
        const outcome = new Promise<ConfirmOutcome>((resolve) => {
          settle = (result) => {
            waiting.delete(place);
            resolve(result);
          };
        });
        waiting.set(place, settle);
        return { publication, outcome, settle, place };
      });
      const timer = setTimeout(() => {
        giveUp("no confirm came in time");
        options.recycle("no confirm came in time");
      }, options.confirmWaitMs);
      turn = turn.then(async () => {
        for (const { publication, settle, place } of tickets) {
          // What was refused while it waited for its turn is not sent any more.
          if (waiting.has(place) && !write(publication, settle) && open) await drained();
        }
      });
      const outcomes = await Promise.all(tickets.map(({ outcome }) => outcome));
      clearTimeout(timer);
      return outcomes;
    },
  };
}
