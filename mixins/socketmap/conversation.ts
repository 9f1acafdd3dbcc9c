/**
 * Promise: one client's requests are answered in the order in which they came, however many it sends at once and whichever
 * is known first; one that ends its side gets what it has asked for. Who sends half a request, nonsense or nothing is cut
 * off, and who does not read is not read from.
 */
import type { Socket } from "node:net";
import { FramingError, Netstrings, netstring } from "./netstrings.ts";

export interface ConversationLimits {
  /** Without a request; Postfix closes by itself after 10 s. */
  readonly idleMs: number;
  /** From the first byte of a request to its last. */
  readonly requestMs: number;
  /** Of one client, taken and not yet answered. */
  readonly inHandMax: number;
}

/** Never rejects, and always answers in time. `undefined`: a request that is longer than any answer. */
export type Answer = (request: string | undefined) => Promise<string>;

/** More than that a client may leave unread before nothing more is read from it. */
const unreadBytesMax = 64 * 1024;

interface Slot {
  reply: string | undefined;
}

export class Conversation {
  readonly #socket: Socket;
  readonly #answer: Answer;
  readonly #limits: ConversationLimits;
  readonly #netstrings = new Netstrings();
  readonly #inHand: Slot[] = [];
  #isEnding = false;
  /** Nothing after here can be understood. */
  #isNonsense = false;
  #halfSince: NodeJS.Timeout | undefined;

  constructor(socket: Socket, answer: Answer, limits: ConversationLimits) {
    this.#socket = socket;
    this.#answer = answer;
    this.#limits = limits;
    socket.setNoDelay(true);
    socket.setTimeout(limits.idleMs, () => {
      if (this.#inHand.length === 0) socket.destroy();
    });
    socket.on("data", (chunk: Buffer) => {
      if (this.#isEnding) return;
      this.#netstrings.add(chunk);
      this.#take();
    });
    socket.on("drain", () => this.#take());
    socket.on("end", () => this.end());
    socket.on("close", () => clearTimeout(this.#halfSince));
    // What is wrong with a connection is its client's affair, and `close` follows.
    socket.on("error", () => {});
  }

  /** Answers what it has taken, then closes. */
  end(): void {
    this.#isEnding = true;
    this.#take();
  }

  get #isFull(): boolean {
    return this.#inHand.length >= this.#limits.inHandMax || this.#socket.writableLength > unreadBytesMax;
  }

  #take(): void {
    if (this.#socket.destroyed) return;
    try {
      while (!this.#isFull && !this.#isNonsense) {
        const frame = this.#netstrings.next();
        if (frame === undefined) break;
        this.#ask(frame.text);
      }
    } catch (error) {
      if (!(error instanceof FramingError)) throw error;
      this.#isNonsense = true;
      this.#isEnding = true;
    }
    if (this.#isFull) this.#socket.pause();
    else this.#socket.resume();
    this.#watchHalf();
    if (this.#isEnding && this.#inHand.length === 0 && !this.#isFull) this.#socket.destroySoon();
  }

  #ask(request: string | undefined): void {
    const slot: Slot = { reply: undefined };
    this.#inHand.push(slot);
    void this.#answer(request).then((reply) => {
      slot.reply = reply;
      if (this.#inHand[0] === slot) this.#flush();
    });
  }

  /** All that are next in turn, in one piece. */
  #flush(): void {
    let text = "";
    let count = 0;
    for (const { reply } of this.#inHand) {
      if (reply === undefined) break;
      text += netstring(reply);
      count += 1;
    }
    this.#inHand.splice(0, count);
    if (this.#socket.destroyed) return;
    this.#socket.write(text);
    this.#take();
  }

  /** A whole request that waits for its turn is no half of one. */
  #watchHalf(): void {
    const isHalf = this.#netstrings.isMidway && !this.#isFull && !this.#isEnding;
    if (!isHalf) {
      clearTimeout(this.#halfSince);
      this.#halfSince = undefined;
      return;
    }
    this.#halfSince ??= setTimeout(() => this.#socket.destroy(), this.#limits.requestMs);
  }
}
