/** Signing in to the console and out again, over HTTP. */
import type { ServerResponse } from "node:http";
import type { ActivityLog } from "../../../mixins/activity-log.ts";
import type { Principal } from "../../contracts/access.ts";
import { type SealedSession, SignInByKey } from "../../contracts/session.ts";
import type { KeyRing } from "../access/keys.ts";
import type { OidcVerifier } from "../access/oidc.ts";
import { answerWith, type WebRequest } from "../http/exchange.ts";
import { HttpProblem } from "../problems/problems.ts";
import { setCookie } from "./cookies.ts";
import { requireOwnPage } from "./csrf.ts";
import type { ConsoleProvider } from "./provider.ts";
import { providerAnswers } from "./provider-answers.ts";
import { sentBody } from "./sent-body.ts";
import { type StateOptions, sessionState, waysOf } from "./state.ts";

export interface SessionAnswersOptions extends StateOptions {
  readonly keys: KeyRing | undefined;
  readonly people: OidcVerifier | undefined;
  /** undefined: nobody signs in by one. */
  readonly provider: ConsoleProvider | undefined;
  readonly now: () => Date;
  readonly activity: Pick<ActivityLog, "note">;
  /** Somebody was not let in. */
  readonly refused: (req: WebRequest, error: unknown) => void;
}

const json = (req: WebRequest, res: ServerResponse, body: unknown, headers: readonly string[] = []): void =>
  answerWith(req, res, { status: 200, headers, content: JSON.stringify(body) });

export function sessionAnswers(options: SessionAnswersOptions) {
  const { config, sessions, keys, provider, activity, refused } = options;

  const requireConsole = (): void => {
    if (!config.hasConsole) throw new HttpProblem("not-found", "There is no console here (CONSOLE)");
  };

  /** Throws a problem unless somebody may sign in so, by this connection, and the console itself asks. */
  const requireWay = (req: WebRequest, way: string): void => {
    requireConsole();
    requireOwnPage(req, sessions.originOf(req));
    const ways = waysOf(options, req);
    if (!ways.includes(way))
      throw new HttpProblem(
        "forbidden",
        ways.length === 0
          ? "Nobody signs in here: it takes AUTH=required, and https or this machine itself"
          : `One signs in here by ${ways.join(" or ")}`,
      );
  };

  const noteOf = (
    req: WebRequest,
    action: string,
    { id, credential }: Pick<Principal, "id" | "credential">,
    reason: string,
  ): void =>
    activity.note({
      principal: id,
      credential: credential ?? null,
      action,
      allowed: true,
      reason,
      correlationId: req.exchange.correlation.correlationId,
    });

  const keySession = (key: string): { by: SealedSession["by"]; principal: Principal } | undefined => {
    const principal = keys?.verify(key);
    const {
      credential: id = "",
      roles: [role],
      client: name,
      domains,
    } = principal ?? { roles: [] };
    const held = keys?.held(id);
    if (principal === undefined || role === undefined || held === undefined) return undefined;
    const by = {
      kind: "key" as const,
      id,
      role,
      expiresAt: held.expiresAtMs,
      ...(name === undefined ? {} : { name }),
      ...(domains === undefined ? {} : { domains: [...domains] }),
    };
    return { by, principal };
  };

  const began = (req: WebRequest, id: string, how: string): void => noteOf(req, "session.begin", { id }, how);

  return {
    ...providerAnswers({ ...options, requireWay, began }),
    session: async (req: WebRequest, res: ServerResponse): Promise<void> => {
      requireConsole();
      json(req, res, await sessionState(options, req));
    },
    sessionKey: async (req: WebRequest, res: ServerResponse): Promise<void> => {
      requireWay(req, "key");
      const { key } = sentBody(SignInByKey, req);
      try {
        const found = keySession(key);
        if (found === undefined) throw new HttpProblem("not-found", "No access keys are taken here (AUTH)");
        const { by, principal } = found;
        const cookie = await sessions.begin(req, principal.client ?? principal.id, by);
        noteOf(req, "session.begin", principal, "by an access key");
        answerWith(req, res, { status: 204, headers: cookie });
      } catch (error) {
        refused(req, error);
        throw error;
      }
    },
    sessionLogout: async (req: WebRequest, res: ServerResponse): Promise<void> => {
      requireConsole();
      requireOwnPage(req, sessions.originOf(req));
      const known = await sessions.signedIn(req).catch(() => undefined);
      if (known !== undefined) {
        sessions.end(known.session.sid);
        keys?.endSession(known.session.sid, known.principal);
        noteOf(req, "session.end", known.principal, "signed out");
      }
      const isByProvider = known?.session.by.kind === "oidc";
      const url = isByProvider ? await provider?.endUrl(`${sessions.originOf(req)}/console`) : undefined;
      json(req, res, url === undefined ? {} : { url }, [
        ...setCookie("session", "", sessions.channelOf(req), 0),
        // The pages that the browser keeps for "back", too.
        "Clear-Site-Data",
        '"cache"',
      ]);
    },
  };
}
