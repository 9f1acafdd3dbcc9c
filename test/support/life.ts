/** A user's life as its events tell it. */
import { randomUUID } from "node:crypto";
import type { Change, UserEvent, UserEventType } from "../../services/contracts/events.ts";
import { firstVersionOf } from "../../services/contracts/generation.ts";

interface Addresses {
  readonly primarySmtp: string;
  readonly secondarySmtps: readonly string[];
  readonly deletedAt: string | null;
}

/** A user's life as its events tell it; each step is one version, a second after the one before. */
export class Life {
  readonly events: UserEvent[] = [];
  readonly id: string;
  #state: Addresses = { primarySmtp: "", secondarySmtps: [], deletedAt: null };
  #timeMs: number;
  #version = 0;

  constructor(start: Date, id: string = randomUUID()) {
    this.#timeMs = start.getTime();
    this.id = id;
  }

  create(primarySmtp: string, ...secondarySmtps: string[]): UserEvent {
    return this.#step("user.created.v1", { primarySmtp, secondarySmtps, deletedAt: null });
  }

  update(primarySmtp: string, ...secondarySmtps: string[]): UserEvent {
    return this.#step("user.updated.v1", { ...this.#state, primarySmtp, secondarySmtps });
  }

  remove(): UserEvent {
    const deletedAt = new Date(this.#timeMs + 1_000).toISOString();
    return this.#step("user.deleted.v1", { ...this.#state, deletedAt });
  }

  restore(): UserEvent {
    return this.#step("user.restored.v1", { ...this.#state, deletedAt: null });
  }

  /** As a repair tells it: the state as it is. */
  tellAgain(): UserEvent {
    return this.#step(this.deleted ? "user.deleted.v1" : "user.updated.v1", this.#state);
  }

  /** What follows is of that generation. */
  begin(generation: number): this {
    this.#version = firstVersionOf(generation) - 1;
    return this;
  }

  get deleted(): boolean {
    return this.#state.deletedAt !== null;
  }

  #step(type: UserEventType, state: Addresses): UserEvent {
    this.#timeMs += 1_000;
    const time = new Date(this.#timeMs).toISOString();
    const before = this.#state;
    const changes: Change[] = (["primarySmtp", "secondarySmtps", "deletedAt"] as const)
      .filter((field) => JSON.stringify(before[field]) !== JSON.stringify(state[field]))
      .map((field) => ({ field, from: this.events.length === 0 ? null : before[field], to: state[field] }));
    this.#state = state;
    this.#version += 1;
    const version = this.#version;
    const event = {
      specversion: "1.0",
      id: randomUUID(),
      source: "/mailroster/users",
      type,
      subject: this.id,
      time,
      correlationid: "test",
      causationid: "test",
      sequence: version,
      actor: "test",
      data: {
        user: { id: this.id, displayName: "Ann", ...state, version, createdAt: time, updatedAt: time },
        changes,
      },
    } as unknown as UserEvent;
    this.events.push(event);
    return event;
  }
}
