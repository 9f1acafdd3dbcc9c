/** Signing in by the identity provider: the way there and the way back, over HTTP. */
import type { ServerResponse } from "node:http";
import type { JWTPayload } from "jose";
import type { Config } from "../../config/index.ts";
import { SignInByProvider, type SignInFault, sessionTerms } from "../../contracts/session.ts";
import type { OidcVerifier } from "../access/oidc.ts";
import { answerWith, type WebRequest } from "../http/exchange.ts";
import { HttpProblem } from "../problems/problems.ts";
import { cookieOf, setCookie } from "./cookies.ts";
import type { Sessions } from "./index.ts";
import { type ConsoleProvider, SignInUnderWay } from "./provider.ts";
import { sentBody } from "./sent-body.ts";

const callbackPath = "/session/callback";
const minuteMs = 60_000;

const nameOf = ({ name, preferred_username }: JWTPayload, otherwise: string): string =>
  [name, preferred_username].find((text) => typeof text === "string" && text !== "")?.toString() ?? otherwise;

interface ProviderAnswersOptions {
  readonly config: Config;
  readonly sessions: Sessions;
  readonly people: OidcVerifier | undefined;
  readonly now: () => Date;
  readonly provider: ConsoleProvider | undefined;
  readonly requireWay: (req: WebRequest, way: string) => void;
  readonly began: (req: WebRequest, id: string, how: string) => void;
}

export function providerAnswers({
  config,
  sessions,
  people,
  now,
  provider,
  requireWay,
  began,
}: ProviderAnswersOptions) {
  const alias = config.consoleClient?.issuer.alias ?? "";

  const redirect = (
    req: WebRequest,
    res: ServerResponse,
    to: string,
    headers: readonly string[] = [],
  ): void =>
    answerWith(req, res, {
      status: 303,
      headers: ["Location", to, ...setCookie("login", "", sessions.channelOf(req), 0), ...headers],
    });

  /** Once: whatever comes of it, the browser forgets what it was sent with. */
  const underWay = async (req: WebRequest): Promise<SignInUnderWay | undefined> => {
    const text = cookieOf(req, "login", sessions.channelOf(req));
    const parsed = SignInUnderWay.safeParse(text && (await sessions.seal.open("sign-in", text)));
    return parsed.success && parsed.data.endsAt > now().getTime() ? parsed.data : undefined;
  };

  const whoCame = async (req: WebRequest, sent: SignInUnderWay) =>
    provider
      ?.finish(new URL(`${sessions.originOf(req)}${callbackPath}?${req.exchange.query}`), sent)
      .catch(() => "unavailable" as const);

  return {
    sessionLogin: async (req: WebRequest, res: ServerResponse): Promise<void> => {
      const { returnTo, issuer = alias } = sentBody(SignInByProvider, req);
      requireWay(req, issuer);
      if (provider === undefined) throw new HttpProblem("not-found", "There is no identity provider here");
      const channel = sessions.channelOf(req);
      const { url, ...kept } = await provider.begin(`${sessions.originOf(req)}${callbackPath}`);
      const endsAt = now().getTime() + sessionTerms.signInMinutes * minuteMs;
      const sealed = await sessions.seal.seal("sign-in", {
        ...kept,
        returnTo,
        endsAt,
      } satisfies SignInUnderWay);
      answerWith(req, res, {
        status: 200,
        headers: setCookie("login", sealed, channel, sessionTerms.signInMinutes * 60),
        content: JSON.stringify({ url }),
      });
    },
    sessionCallback: async (req: WebRequest, res: ServerResponse): Promise<void> => {
      const failed = (fault: SignInFault): void => redirect(req, res, `/console?sign-in=${fault}`);
      const sent = await underWay(req);
      if (sent === undefined) return failed("refused");
      const claims = await whoCame(req, sent);
      if (claims === "unavailable") return failed("unavailable");
      const kept = claims === undefined ? undefined : people?.claimsToKeep(claims);
      const principal = kept && people?.principalFor(alias, kept);
      if (claims === undefined || kept === undefined || principal === undefined) return failed("refused");
      if (principal.roles.length === 0) return failed("no-role");
      const by = { kind: "oidc" as const, issuer: alias, claims: kept };
      const cookie = await sessions.begin(req, nameOf(claims, principal.id), by);
      began(req, principal.id, `by ${alias}`);
      redirect(req, res, sent.returnTo, cookie);
    },
  };
}
