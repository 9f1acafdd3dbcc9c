/** What the console is told of whoever looks at it: who they are here, what they may do, and how they may sign in. */
import { operator } from "../../../mixins/context/operator.ts";
import type { Config } from "../../config/index.ts";
import { localPrincipal, type Principal, permits, scopes } from "../../contracts/access.ts";
import { keyWay, type SessionState } from "../../contracts/session.ts";
import type { WebRequest } from "../http/exchange.ts";
import { HttpProblem } from "../problems/problems.ts";
import type { Sessions } from "./index.ts";
import { endsAtMs } from "./terms.ts";

const nobody: SessionState = {
  signedIn: false,
  name: null,
  id: null,
  roles: [],
  scopes: [],
  domains: null,
  via: null,
  endsAt: null,
  banner: null,
  ways: [],
};

const stateOf = (principal: Principal, name: string): SessionState => ({
  ...nobody,
  signedIn: true,
  name,
  id: principal.id,
  roles: [...principal.roles],
  scopes: scopes.filter((scope) => permits(principal, scope)),
  domains: principal.domains === undefined ? null : [...principal.domains],
  via: principal.via,
});

/** Whoever sits at this machine, of an installation that asks nobody who they are; who it is stands in the audit log. */
export function localCaller(config: Config, sessions: Sessions): (req: WebRequest) => Principal | undefined {
  const isLocal = config.auth === "none" && config.isLoopback && config.hasConsole;
  const principal = isLocal ? { ...localPrincipal, id: operator(undefined, "local") } : undefined;
  return (req) => (sessions.channelOf(req) === "plain" ? undefined : principal);
}

const banners = {
  local: (id: string) =>
    `Nobody is asked to sign in here: whoever is at this machine may do everything. What you change is written down as ${id}.`,
  open: "This installation lets everybody do everything (AUTH=none) and is reached over the network, so nobody signs in.",
  plain:
    "Signing in takes https, or this machine itself. Behind a proxy that speaks https, TRUSTED_PROXIES must name it, and it must send X-Forwarded-Proto.",
};

export interface StateOptions {
  readonly config: Config;
  readonly sessions: Sessions;
  readonly local: (req: WebRequest) => Principal | undefined;
  /** `AUTH=proxy`: who the proxy says. Throws a problem. */
  readonly byProxy: ((req: WebRequest) => Principal) | undefined;
}

/** How one may sign in over the connection that the request came by. */
export function waysOf(
  { config, sessions }: Pick<StateOptions, "config" | "sessions">,
  req: WebRequest,
): string[] {
  if (config.auth !== "required" || sessions.channelOf(req) === "plain") return [];
  return [...(config.consoleClient === undefined ? [] : [config.consoleClient.issuer.alias]), keyWay];
}

async function requiredState(options: StateOptions, req: WebRequest): Promise<SessionState> {
  const { sessions } = options;
  const ways = waysOf(options, req);
  const banner = ways.length === 0 ? banners.plain : null;
  try {
    const known = await sessions.signedIn(req);
    if (known === undefined) return { ...nobody, ways, banner };
    const { session, principal } = known;
    const endsAt = new Date(endsAtMs(session)).toISOString();
    return { ...stateOf(principal, session.name), ways, banner, endsAt };
  } catch (error) {
    // A session that is over is none; anything else is no answer.
    if (!(error instanceof HttpProblem) || error.slug !== "unauthenticated") throw error;
    return { ...nobody, ways, banner };
  }
}

function proxyState(byProxy: (req: WebRequest) => Principal, req: WebRequest): SessionState {
  try {
    const principal = byProxy(req);
    return stateOf(principal, principal.id.replace(/^proxy:/, ""));
  } catch {
    return {
      ...nobody,
      banner: "The proxy in front says who you are, and this request did not come through it.",
    };
  }
}

export async function sessionState(options: StateOptions, req: WebRequest): Promise<SessionState> {
  const { config, local, byProxy } = options;
  if (config.auth === "required") return requiredState(options, req);
  if (byProxy !== undefined) return proxyState(byProxy, req);
  const principal = local(req);
  return principal === undefined
    ? { ...nobody, banner: banners.open }
    : { ...stateOf(principal, principal.id), banner: banners.local(principal.id) };
}
