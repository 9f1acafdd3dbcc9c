/**
 * The access keys as this gateway knows them: a copy of what the service `access` keeps, asked for anew every two seconds,
 * and at once when a change is announced.
 *
 * Promise: a key that was revoked is refused within 5 s; what is older than a minute lets nobody in (503), and neither does
 * a gateway that has no copy yet. A key is compared by its hash, in a time that tells nothing.
 */
import { timingSafeEqual } from "node:crypto";
import type { ServiceBroker } from "moleculer";
import type { HealthCheck } from "../../../mixins/basics/mixin.ts";
import { newCorrelationId } from "../../../mixins/context/correlation.ts";
import { errorText } from "../../../mixins/log/error-text.ts";
import { callAction } from "../../../mixins/moleculer/calls.ts";
import type { Platform } from "../../../mixins/platform.ts";
import type { Principal } from "../../contracts/access.ts";
import { keyHash, keyIdOf } from "../../contracts/access-key.ts";
import { Unavailable } from "../../contracts/errors.ts";
import type { SnapshotKey } from "../../contracts/keys.ts";
import type { GatewayLimits } from "../http/limits.ts";
import { unauthenticated } from "../problems/problems.ts";

/** With the time between two of them less than the 5 s within which a key is refused. */
const askTimeoutMs = 1_500;
const staleRetryMs = 2_000;
/** What is told of the use of one key. */
const useEveryMs = 60_000;
const usesMax = 1_000;

interface Entry {
  readonly hash: Buffer;
  readonly principal: Principal;
  readonly expiresAtMs: number;
  readonly isRevoked: boolean;
  readonly breakGlass: boolean;
}

const entryOf = ({ id, hash, name, role, domains, expiresAt, ...flags }: SnapshotKey): Entry => ({
  hash: Buffer.from(hash),
  principal: {
    id: `key:${id}`,
    via: "key",
    roles: [role],
    ...(domains === null ? {} : { domains }),
    credential: id,
    ...(name === undefined ? {} : { client: name }),
  },
  expiresAtMs: Date.parse(expiresAt),
  isRevoked: flags.isRevoked,
  breakGlass: flags.breakGlass,
});

/** Compared with where there is no such key, so that both take as long. */
const nobody = entryOf({
  id: "",
  hash: keyHash(""),
  role: "lookup",
  domains: null,
  expiresAt: "",
  isRevoked: true,
  breakGlass: false,
});

const isOwners = ({ role, isRevoked, expiresAt }: SnapshotKey, nowMs: number): boolean =>
  role === "owner" && !isRevoked && Date.parse(expiresAt) > nowMs;

/** A key that is known to be good. */
export interface HeldKey {
  readonly principal: Principal;
  readonly expiresAtMs: number;
}

/** Whose session it is, and since when. */
interface SessionOf {
  readonly sid: string;
  readonly principal: string;
  readonly beganAtMs: number;
}

export interface KeyRing {
  /** Throws 401, or Unavailable while the copy is too old to tell. */
  readonly verify: (token: string) => Principal;
  /**
   * Of somebody who has shown the key before, by its id, and by what the copy says, however old that is; undefined: there
   * is no copy yet. Throws 401 when the key has ended.
   */
  readonly held: (id: string) => HeldKey | undefined;
  /** Tells the service, and by it every gateway, as soon as that can be reached. Never throws. */
  endSession(sid: string, user: Principal): void;
  /** Whether a session that began then was ended, as far as the copy says, however old that is. */
  readonly hasEnded: (session: SessionOf) => boolean;
  /** Rejects while no key can be told. */
  readonly check: HealthCheck;
  start(broker: ServiceBroker): void;
  /** Asks at once: something has changed, or may answer now. */
  refresh(): void;
  stop(): void;
}

type Settings = Pick<GatewayLimits, "keysEveryMs" | "keysStaleMs">;

/** The keys of one gateway; `ownerless` is called when the first copy holds no owner's. */
export function keyRing(
  { log, now }: Pick<Platform, "log" | "now">,
  { keysEveryMs, keysStaleMs }: Settings,
  ownerless: () => void = () => {},
): KeyRing {
  let entries: ReadonlyMap<string, Entry> = new Map();
  let ended: ReadonlyMap<string, number> = new Map();
  let generation: string | undefined;
  /** When the answer was asked for that the copy stands for. */
  let askedAtMs = Number.NEGATIVE_INFINITY;
  let told = "";
  let broker: ServiceBroker | undefined;
  let timer: NodeJS.Timeout | undefined;
  let asking = false;
  let isOutdated = false;
  const uses = new Map<string, number>();
  const toldUses = new Map<string, number>();

  const isFresh = (): boolean => performance.now() - askedAtMs <= keysStaleMs;
  const requireFresh = (): void => {
    if (isFresh()) return;
    throw new Unavailable("access", "Cannot tell who asks: the access keys can't be asked for", {
      retryAfterMs: staleRetryMs,
    });
  };

  const take = async (from: ServiceBroker): Promise<void> => {
    const beganAtMs = performance.now();
    const since = generation === undefined ? {} : { since: generation };
    const answer = await callAction(from, "access.changes", since, { timeout: askTimeoutMs });
    if (answer.keys !== null) {
      entries = new Map(answer.keys.map((key) => [key.id, entryOf(key)]));
      ended = new Map(
        (answer.endedSessions ?? []).map(({ kind, id, at }) => [`${kind} ${id}`, Date.parse(at)]),
      );
      const nowMs = now().getTime();
      if (generation === undefined && !answer.keys.some((key) => isOwners(key, nowMs))) ownerless();
      generation = answer.generation;
    }
    askedAtMs = beganAtMs;
    told = "";
  };

  const tellUses = async (from: ServiceBroker): Promise<void> => {
    const due = [...uses].slice(0, usesMax);
    if (due.length === 0) return;
    for (const [id, atMs] of due) {
      uses.delete(id);
      toldUses.set(id, atMs);
    }
    const sent = due.map(([id, atMs]) => ({ id, at: new Date(atMs).toISOString() }));
    await callAction(from, "access.used", { uses: sent }, { timeout: askTimeoutMs });
  };

  const ask = async (from: ServiceBroker): Promise<void> => {
    // Where nobody has made it known yet, at a start, Moleculer would warn of it; `$services.changed` tells when.
    if (!from.registry.actions.isAvailable("access.changes")) return;
    try {
      await take(from);
      await tellUses(from);
    } catch (error) {
      const reason = errorText(error);
      if (reason !== told) log.warn({ reason }, "the access keys can't be asked for now");
      told = reason;
    }
  };

  /** One after the other: an older answer never comes behind a newer one. */
  const refresh = async (): Promise<void> => {
    if (broker === undefined) return;
    isOutdated = true;
    if (asking) return;
    asking = true;
    while (isOutdated && broker !== undefined) {
      isOutdated = false;
      await ask(broker);
    }
    asking = false;
  };

  const noteUse = (id: string, { breakGlass }: Entry, atMs: number): void => {
    if (uses.has(id) || atMs - (toldUses.get(id) ?? 0) < useEveryMs) return;
    uses.set(id, atMs);
    if (breakGlass) log.warn({ keyId: id }, "a key for an emergency is in use");
  };

  const requireGood = ({ isRevoked, expiresAtMs }: Entry): void => {
    if (isRevoked) throw unauthenticated("is an access key that was revoked", "revoked");
    if (expiresAtMs <= now().getTime()) throw unauthenticated("is an access key that has expired", "expired");
  };

  return {
    verify(token) {
      const id = keyIdOf(token);
      if (id === undefined) throw unauthenticated("is no access key: it is cut off or mistyped", "malformed");
      requireFresh();
      const entry = entries.get(id) ?? nobody;
      if (!timingSafeEqual(entry.hash, Buffer.from(keyHash(token))))
        throw unauthenticated("is no access key of this installation", "unknown");
      requireGood(entry);
      noteUse(id, entry, now().getTime());
      return entry.principal;
    },
    held(id) {
      if (generation === undefined) return undefined;
      const entry = entries.get(id) ?? nobody;
      requireGood(entry);
      noteUse(id, entry, now().getTime());
      return entry;
    },
    endSession(sid, user) {
      if (broker === undefined) return;
      const told = { kind: "session" as const, id: sid, reason: "signed out" };
      const meta = { user, actor: user.id, correlationId: newCorrelationId() };
      callAction(broker, "access.end-sessions", told, { timeout: askTimeoutMs, meta }).catch(
        (error: unknown) =>
          log.warn({ reason: errorText(error) }, "other gateways do not hear that somebody has signed out"),
      );
    },
    hasEnded: ({ sid, principal, beganAtMs }) =>
      ended.has(`session ${sid}`) ||
      beganAtMs <= (ended.get(`principal ${principal}`) ?? Number.NEGATIVE_INFINITY),
    check: requireFresh,
    start(own) {
      broker = own;
      timer = setInterval(() => void refresh(), keysEveryMs).unref();
      void refresh();
    },
    refresh: () => void refresh(),
    stop() {
      clearInterval(timer);
      broker = undefined;
    },
  };
}
