/**
 * The load: some clients, each with users of its own and a share in a few common ones, who want the same few names.
 * Each client does one thing after the other, so it knows what its users must look like.
 */
import { setTimeout as delay } from "node:timers/promises";
import { perform, type Wire } from "./client.ts";
import type { Operation, OperationKind, UserAnswer } from "./journal.ts";
import { type Random, seeded } from "./random.ts";

const names = ["ada", "bo", "cleo", "dov", "eve", "finn", "gus", "hal"] as const;
const domain = "chaos.example";
const commonUsers = 3;
const ownUsersMax = 40;
const thinkMinMs = 50;
const thinkMaxMs = 250;

interface Known {
  readonly id: string;
  user: UserAnswer | undefined;
  deleted: boolean;
  certain: boolean;
  readonly common: boolean;
}

export interface Load {
  /** Resolves when every client rests between two operations. */
  pause(): Promise<void>;
  resume(): void;
  /** Begins no new operation; resolves when those under way have ended. */
  stop(): Promise<void>;
}

class Client {
  readonly #wire: Wire;
  readonly #random: Random;
  readonly #number: number;
  readonly #name: string;
  readonly #common: Known[];
  readonly #own: Known[] = [];
  #count = 0;

  constructor(wire: Wire, options: { number: number; seed: number; run: string; common: Known[] }) {
    this.#wire = wire;
    this.#number = options.number;
    this.#random = seeded(options.seed * 1_000 + options.number);
    this.#name = `${options.run}-${options.number}`;
    this.#common = options.common;
  }

  get #address(): string {
    return `${this.#random.pick(names)}@${domain}`;
  }

  async createCommon(): Promise<void> {
    const known = await this.#create(true);
    if (known !== undefined) this.#common.push(known);
  }

  /** One operation, to its end. */
  async step(): Promise<void> {
    const target = this.#target();
    if (target === undefined) {
      const known = await this.#create(false);
      if (known !== undefined) this.#own.push(known);
    } else if (target.deleted) await this.#on(target, "restore", undefined);
    else await this.#change(target);
  }

  #target(): Known | undefined {
    const chance = this.#random.next();
    if (chance < 0.15 && this.#common.length > 0) return this.#random.pick(this.#common);
    const wantsNew = this.#own.length < ownUsersMax ? 0.4 : 0.2;
    return this.#own.length === 0 || chance < wantsNew ? undefined : this.#random.pick(this.#own);
  }

  async #change(target: Known): Promise<void> {
    const displayName = this.#nextId();
    const chance = target.common ? 0 : this.#random.next();
    if (chance < 0.35) return this.#on(target, "rename", { displayName });
    if (chance < 0.6) return this.#on(target, "move", { displayName, primarySmtp: this.#address });
    if (chance < 0.75) {
      const kept = (target.user?.secondarySmtps ?? []).filter(() => this.#random.next() < 0.5);
      return this.#on(target, "trim", { displayName, secondarySmtps: [...kept, this.#address] });
    }
    return this.#on(target, "remove", undefined);
  }

  async #create(common: boolean): Promise<Known | undefined> {
    const secondarySmtps = this.#random.next() < 0.3 ? [this.#address] : [];
    const request = {
      displayName: this.#nextId(),
      primarySmtp: this.#address,
      secondarySmtps,
      onTaken: "suffix" as const,
    };
    const operation = this.#operation("create", undefined, true, request);
    await perform(this.#wire, operation);
    const user = operation.answer;
    return user === undefined ? undefined : { id: user.id, user, deleted: false, certain: true, common };
  }

  async #on(target: Known, kind: OperationKind, request: unknown): Promise<void> {
    const operation = this.#operation(kind, target.id, target.certain && !target.common, request);
    await perform(this.#wire, operation);
    if (operation.outcome !== "acknowledged") {
      // A refusal after a silence: an earlier attempt may have been carried out, or may still be.
      if (operation.ambiguous) target.certain = false;
      if (operation.problem === "not-found") target.deleted = true;
      if (operation.problem === "not-deleted") target.deleted = false;
      return;
    }
    target.deleted = kind === "remove";
    if (operation.answer !== undefined) target.user = operation.answer;
  }

  #nextId(): string {
    this.#count += 1;
    return `${this.#name}-${this.#count}`;
  }

  #operation(kind: OperationKind, userId: string | undefined, certain: boolean, request: unknown): Operation {
    const displayName = (request as { displayName?: string } | undefined)?.displayName;
    return {
      id: displayName ?? this.#nextId(),
      client: this.#number,
      kind,
      userId,
      certain,
      request,
      startedMs: this.#wire.elapsedMs(),
      attempts: 0,
      ambiguous: false,
      outcome: "open",
    };
  }

  think(stop: AbortSignal): Promise<void> {
    return delay(this.#random.between(thinkMinMs, thinkMaxMs), undefined, { signal: stop }).catch(() => {});
  }
}

/** `run` names the operations; it has to differ from run to run on one database. */
export async function startLoad(
  wire: Wire,
  options: { clients: number; seed: number; run: string },
): Promise<Load> {
  const common: Known[] = [];
  const stopping = new AbortController();
  let open = Promise.resolve();
  let reopen: () => void = () => {};
  const running = new Set<Promise<void>>();
  const clients = Array.from(
    { length: options.clients },
    (_, number) => new Client(wire, { number, seed: options.seed, run: options.run, common }),
  );
  for (let count = 0; count < commonUsers; count += 1) await clients[0]?.createCommon();

  const live = async (client: Client): Promise<void> => {
    while (!stopping.signal.aborted) {
      await open;
      if (stopping.signal.aborted) break;
      const step = client.step();
      running.add(step);
      await step.finally(() => running.delete(step));
      await client.think(stopping.signal);
    }
  };
  const lives = clients.map(live);
  return {
    async pause() {
      open = new Promise((resolve) => {
        reopen = resolve;
      });
      // Whoever has just passed the gate shows among the running in the next turn.
      do await delay(1);
      while (running.size > 0 && (await Promise.all(running)));
    },
    resume: () => reopen(),
    async stop() {
      stopping.abort();
      reopen();
      await Promise.all(lives);
    },
  };
}
