/**
 * People at the console: who has signed in is sealed into a cookie, and is the same principal as with a token of theirs.
 *
 * Promise: a session needs no database and no identity provider to go on; it ends after 30 minutes without anybody at the
 * keyboard and 8 hours at most, at once when its key is revoked or it is ended itself, and what its roles are is asked anew
 * for each request. Nothing is changed by it but what the console itself asks for.
 */
import { randomUUID } from "node:crypto";
import type { Platform } from "../../../mixins/platform.ts";
import type { Config } from "../../config/index.ts";
import type { Principal } from "../../contracts/access.ts";
import { consoleHeader, SealedSession } from "../../contracts/session.ts";
import type { HeldKey, KeyRing } from "../access/keys.ts";
import type { OidcVerifier } from "../access/oidc.ts";
import { originsBy } from "../http/addresses.ts";
import type { WebRequest } from "../http/exchange.ts";
import { sessionOver } from "../problems/problems.ts";
import { channels } from "./channel.ts";
import { type Channel, cookieOf, setCookie } from "./cookies.ts";
import { requireOwnPage } from "./csrf.ts";
import { type Seal, sealBy } from "./seal.ts";
import { isToRenew, overBecause, secondsLeft } from "./terms.ts";

export interface SessionOptions {
  readonly config: Config;
  readonly now: Platform["now"];
  readonly keys: KeyRing | undefined;
  readonly people: OidcVerifier | undefined;
}

/** Somebody who has signed in. */
export interface SignedIn {
  readonly session: SealedSession;
  readonly principal: Principal;
}

export interface Sessions {
  readonly seal: Seal;
  readonly channelOf: (req: WebRequest) => Channel;
  readonly originOf: (req: WebRequest) => string;
  /** Whether the request comes with a session, good or not. */
  isIn(req: WebRequest): boolean;
  /** undefined: nobody. Rejects with 401 when the session is over. */
  signedIn(req: WebRequest): Promise<SignedIn | undefined>;
  /** For the access control: 401 when the session is over, 403 when another page has sent the request; goes on with it. */
  principalOf(req: WebRequest): Promise<Principal>;
  /** A new session: what the browser has sent plays no part in it. Resolves with the headers of its cookie. */
  begin(req: WebRequest, name: string, by: SealedSession["by"]): Promise<readonly string[]>;
  /** It is good nowhere any more. */
  end(sid: string): void;
}

/** More are not remembered by themselves; a session of them ends by its term. */
const endedMax = 10_000;

export function consoleSessions({ config, now, keys, people }: SessionOptions): Sessions {
  const seal = sealBy(config.sessionKeys);
  const channelOf = channels(config);
  const originOf = originsBy(config);
  const ended = new Set<string>();

  const heldBy = (by: SealedSession["by"]): HeldKey | undefined =>
    by.kind === "key" ? (keys?.held(by.id) ?? sealedKey(by)) : undefined;

  /** What the cookie says is enough for a gateway that has not heard of any key yet. */
  const sealedKey = (by: Extract<SealedSession["by"], { kind: "key" }>): HeldKey | undefined =>
    by.expiresAt <= now().getTime()
      ? undefined
      : {
          expiresAtMs: by.expiresAt,
          principal: {
            id: `key:${by.id}`,
            via: "key",
            roles: [by.role],
            ...(by.domains === undefined ? {} : { domains: by.domains }),
            credential: by.id,
            ...(by.name === undefined ? {} : { client: by.name }),
          },
        };

  const whoIs = ({ by }: SealedSession): Principal | undefined =>
    by.kind === "key" ? heldBy(by)?.principal : people?.principalFor(by.issuer, by.claims);

  const cookieFor = async (session: SealedSession, channel: Channel): Promise<string[]> =>
    setCookie("session", await seal.seal("session", session), channel, secondsLeft(session, now().getTime()));

  const signedIn = async (req: WebRequest): Promise<SignedIn | undefined> => {
    const text = cookieOf(req, "session", channelOf(req));
    if (text === undefined) return undefined;
    const parsed = SealedSession.safeParse(await seal.open("session", text));
    if (!parsed.success) throw sessionOver("is none of this installation", "unknown");
    const session = parsed.data;
    const over = overBecause(session, now().getTime());
    if (over !== undefined) throw sessionOver(over, "expired");
    if (ended.has(session.sid)) throw sessionOver("was ended", "revoked");
    const own = whoIs(session);
    if (own === undefined) throw sessionOver("is of somebody who is not known here any more", "unknown");
    const { sid, beganAt } = session;
    if (keys?.hasEnded({ sid, principal: own.id, beganAtMs: beganAt }) === true)
      throw sessionOver("was ended", "revoked");
    const credential = own.credential ?? sid;
    return { session, principal: { ...own, via: "session", credential, session: sid } };
  };

  return {
    seal,
    channelOf,
    originOf,
    isIn: (req) => cookieOf(req, "session", channelOf(req)) !== undefined,
    signedIn,
    async principalOf(req) {
      requireOwnPage(req, originOf(req));
      const known = await signedIn(req);
      if (known === undefined) throw sessionOver("is none", "missing");
      const { session, principal } = known;
      const nowMs = now().getTime();
      if (isToRenew(session, nowMs) && req.headers[consoleHeader] !== "poll")
        req.exchange.sessionHeaders = await cookieFor({ ...session, activeAt: nowMs }, channelOf(req));
      return principal;
    },
    begin(req, name, by) {
      const nowMs = now().getTime();
      const session = { sid: randomUUID(), name, beganAt: nowMs, activeAt: nowMs, by };
      return cookieFor(session, channelOf(req));
    },
    end(sid) {
      const [oldest] = ended.size >= endedMax ? ended : [];
      if (oldest !== undefined) ended.delete(oldest);
      ended.add(sid);
    },
  };
}
