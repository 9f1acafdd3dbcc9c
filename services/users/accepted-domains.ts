/**
 * Promise: a new address in a domain that is not accepted is refused, by what this process knows of the accepted ones,
 * which the service `domains` keeps: it looks every two seconds, and at once when told to. While it can't look it goes by
 * what it knew.
 */
import { errorText } from "../../mixins/log/error-text.ts";
import type { Logger } from "../../mixins/log/logging.ts";
import type { Database } from "../../mixins/postgres/database.ts";
import { run } from "../../mixins/postgres/statement.ts";
import { addressKey, parseAddress } from "../contracts/address.ts";
import { type FieldError, Refusal } from "../contracts/errors.ts";
import type { UserState } from "../contracts/events.ts";
import type { Body } from "./conflicts.ts";
import { addressesOf } from "./rules.ts";
import { acceptedNow } from "./sql.ts";

const lookEveryMs = 2_000;

export interface AcceptedDomains {
  /** In A-labels; empty: any is taken; undefined: it has never looked. */
  readonly known: ReadonlySet<string> | undefined;
  /** Looks now. Rejects as a read of the database does. */
  look(): Promise<ReadonlySet<string>>;
  /** Looks now, because something has changed. Never rejects. */
  keepUp(): Promise<void>;
  /** Looks, and goes on looking. Never rejects. */
  keepLooking(): Promise<void>;
  stop(): void;
}

export function acceptedDomains(db: Database, log: Logger): AcceptedDomains {
  let timer: NodeJS.Timeout | undefined;
  const state: { known: ReadonlySet<string> | undefined } = { known: undefined };
  let looks = 0;
  const look = async (): Promise<ReadonlySet<string>> => {
    looks += 1;
    const own = looks;
    const rows = await db.read((em) => run(em, acceptedNow));
    const domains = new Set(rows.map(({ domain }) => domain));
    // What a later look has found is newer.
    if (own === looks || state.known === undefined) state.known = domains;
    return domains;
  };
  const lookAgain = async (): Promise<void> => {
    try {
      await look();
    } catch (error) {
      log.debug({ reason: errorText(error) }, "the accepted domains could not be looked up");
    }
  };
  return Object.assign(state, {
    look,
    keepUp: lookAgain,
    async keepLooking() {
      timer = setInterval(() => void lookAgain(), lookEveryMs).unref();
      await lookAgain();
    },
    stop: () => clearInterval(timer),
  });
}

/** Throws Refusal `domain-not-accepted`, which names each address that the user would have anew. */
export function refuseUnaccepted(
  domains: ReadonlySet<string>,
  before: UserState | undefined,
  after: UserState,
  body: Body,
): void {
  const lives = before !== undefined && before.deletedAt === null;
  const own = new Set(lives ? addressesOf(before).map(({ address }) => addressKey(address)) : []);
  const isRefused = (address: string): boolean => {
    const parsed = parseAddress(address);
    return parsed.ok && !own.has(parsed.key) && !domains.has(parsed.asciiDomain);
  };
  const detail = "must be in an accepted domain";
  const errors: FieldError[] = [];
  if (body.primarySmtp !== undefined && isRefused(body.primarySmtp))
    errors.push({ pointer: "#/primarySmtp", detail });
  for (const [index, address] of (body.secondarySmtps ?? []).entries())
    if (isRefused(address)) errors.push({ pointer: `#/secondarySmtps/${index}`, detail });
  const isOther = errors.length === 0 && addressesOf(after).some(({ address }) => isRefused(address));
  if (errors.length === 0 && !isOther) return;
  throw new Refusal(
    "domain-not-accepted",
    "Cannot take every address: one is in a domain that is not declared",
    isOther ? {} : { errors },
  );
}
