/** A bus that keeps what it is given and answers as the test decides: for tests of the relay, not of the bus. */
import type { Bus, BusStatus, OutgoingMessage, PublishOutcome, QueueState } from "../../mixins/bus/port.ts";

export type Decide = (message: OutgoingMessage) => PublishOutcome | Promise<PublishOutcome>;

export const confirmed: PublishOutcome = { status: "confirmed" };
export const refused = (retryAfterMs?: number): PublishOutcome => ({
  status: "refused",
  reason: "refused by the test",
  ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
});

export class RecordingBus implements Bus {
  readonly kind = "in-process";
  /** Everything that was tried. */
  readonly published: OutgoingMessage[] = [];
  /** What it took, in the order in which it did. */
  readonly delivered: OutgoingMessage[] = [];
  readonly #decide: Decide;
  readonly #callbacks = new Set<() => void>();
  #connected = true;
  /** How often somebody has looked whether it is there. */
  looks = 0;

  constructor(decide: Decide = () => confirmed) {
    this.#decide = decide;
  }

  start(): void {}

  status(): BusStatus {
    this.looks += 1;
    return { connected: this.#connected, blocked: false };
  }

  setConnected(connected: boolean): void {
    this.#connected = connected;
    if (connected) for (const callback of this.#callbacks) callback();
  }

  onReady(callback: () => void): () => void {
    this.#callbacks.add(callback);
    return () => void this.#callbacks.delete(callback);
  }

  publish(messages: readonly OutgoingMessage[]): Promise<readonly PublishOutcome[]> {
    this.published.push(...messages);
    return Promise.all(
      messages.map(async (message) => {
        const outcome = await this.#decide(message);
        if (outcome.status === "confirmed") this.delivered.push(message);
        return outcome;
      }),
    );
  }

  subscribe(): { stop(): Promise<void> } {
    return { stop: async () => {} };
  }

  deadLetters(): { stop(): Promise<void> } {
    return { stop: async () => {} };
  }

  async publishTo(): Promise<PublishOutcome> {
    return refused();
  }

  async queues(): Promise<readonly QueueState[]> {
    return [];
  }

  async close(): Promise<void> {}
}
