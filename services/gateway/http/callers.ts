/**
 * What one caller may take, once it is known who asks: units a minute by what a request costs, and requests at a time.
 * `local`, the one caller of an installation without access control, has no such limit.
 */
import { buckets } from "../../../mixins/basics/buckets.ts";
import { occupancy } from "../../../mixins/basics/occupancy.ts";
import type { Principal } from "../../contracts/access.ts";
import type { Role } from "../../contracts/roles.ts";
import type { Operation } from "../routes/operation.ts";
import { callerPolicy, tooManyRequests } from "./quota.ts";

/** What a request costs, in reads of one thing. */
export const costs = {
  read: 1,
  write: 2,
  list: 2,
  trace: 5,
  audit: 5,
  search: 10,
  check: 10,
  stream: 50,
} as const;
export type Kind = keyof typeof costs;

const byScope: Partial<Record<Operation["scope"], Kind>> = {
  "audit:read": "audit",
  "activity:read": "audit",
  "trace:read": "trace",
};

/** A row's kind of work, and whether this request of it is a search. */
export function kindOf({ id, scope, method, query = {} }: Operation, asked: string): Kind {
  if ("q" in query && asked !== "" && new URLSearchParams(asked).has("q")) return "search";
  if (id === "checkUsers") return "check";
  if (method !== "GET") return "write";
  return byScope[scope] ?? ("cursor" in query || "startIndex" in query ? "list" : "read");
}

/**
 * Units a minute of machines and of people, and of those whose work needs more: Entra ID wants 25 requests a second of a
 * provisioner (1,500 a minute, all of them writes at worst), which is half of what it has.
 */
const rates = {
  machine: 1_200,
  person: 300,
  /** A console that looks at a trace each second, five units, beside what its user does. */
  session: 1_200,
  roles: { lookup: 6_000, provisioner: 6_000, "mail-admin": 60_000 } as Partial<Record<Role, number>>,
};
/** Requests at a time of everybody, and of who imports: a command has 32 of them, the rest is for whoever shares its key. */
const atOnce = { all: 20, roles: { "mail-admin": 40 } as Partial<Record<Role, number>> };
const searchesAtOnceMax = 2;

/** Units a minute by what somebody is and does; undefined: no limit. */
export function rateOf({ via, roles }: Principal, configured: number | undefined): number | undefined {
  if (via === "none" || configured === 0) return undefined;
  if (configured !== undefined) return configured;
  const own = via === "key" ? rates.machine : via === "session" ? rates.session : rates.person;
  return Math.max(own, ...roles.map((role) => rates.roles[role] ?? 0));
}

const atOnceOf = ({ roles }: Principal): number =>
  Math.max(atOnce.all, ...roles.map((role) => atOnce.roles[role] ?? 0));

/** What a request has of it (exchange.ts). */
interface Taking {
  readonly query: string;
  readonly stream?: unknown;
  limitHeaders: readonly string[];
  readonly leaves: (() => void)[];
}

export interface CallerLimits {
  /** Takes what the request costs; what it holds comes back with its answer. Throws a problem. */
  enter(user: Principal, operation: Operation, exchange: Taking, nowMs: number): void;
}

/** `configured` units a minute for everybody instead of the rates by role; 0: no limits by caller. */
export function callerLimits(configured: number | undefined): CallerLimits {
  const units = buckets();
  const requests = occupancy();
  const searches = occupancy();
  const hold = ({ leaves }: Taking, leave: (() => void) | undefined, what: string): void => {
    if (leave === undefined) throw tooManyRequests(`This caller has too many ${what} at once`, 1_000);
    leaves.push(leave);
  };
  return {
    enter(user, operation, exchange, nowMs) {
      const perMinute = rateOf(user, configured);
      if (perMinute === undefined) return;
      const kind = exchange.stream === undefined ? kindOf(operation, exchange.query) : "stream";
      const name = user.session ?? user.id;
      const grant = units.take(name, perMinute, nowMs, costs[kind]);
      exchange.limitHeaders = callerPolicy.headers(perMinute, grant);
      if (grant.waitMs > 0) throw tooManyRequests("This caller has used up its minute", grant.waitMs);
      hold(exchange, requests.enter(name, atOnceOf(user)), "requests");
      if (kind === "search") hold(exchange, searches.enter(name, searchesAtOnceMax), "searches");
    },
  };
}
