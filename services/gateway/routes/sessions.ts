/** The rows by which people sign in to the console. */
import type { ActionInput } from "../../contracts/actions.ts";
import { EndSessions } from "../../contracts/keys.ts";
import {
  SessionState,
  SignedOut,
  SignInByKey,
  SignInByProvider,
  SignInPlace,
} from "../../contracts/session.ts";
import { bodyProblems, jsonAlone, type Operation, to } from "./operation.ts";
import { exampleSession } from "./session-examples.ts";

const common = { tag: "console", scope: "public" } as const;
/** What a browser's session, or its beginning, takes of a request. */
const ownPage =
  "Only for a page of this gateway itself: X-Mailroster-Console must be there, and Sec-Fetch-Site: same-origin or an Origin that is ours.";

export const sessionOperations: readonly Operation[] = [
  {
    ...common,
    id: "getSession",
    method: "GET",
    path: "/session",
    summary: "Who has signed in to the console",
    description:
      "Of the browser that asks, by its cookie: who that is, what it may do, and how one may sign in. 200 also when nobody has.",
    target: { local: "session" },
    status: 200,
    answer: { schema: SessionState, example: exampleSession },
    problems: ["not-found"],
  },
  {
    ...common,
    id: "signInByKey",
    method: "POST",
    path: "/session/key",
    summary: "Sign in to the console with an access key",
    description: `Begins a session with what the key may do; it ends with the key, after 30 minutes without use, and after 8 hours. ${ownPage}`,
    target: { local: "sessionKey" },
    body: { schema: SignInByKey, mediaTypes: jsonAlone, example: { key: "mrk_live_7Hq2Zk0pXw4R_…" } },
    status: 204,
    problems: ["unauthenticated", "forbidden", "not-found", "invalid-fields", "unavailable", ...bodyProblems],
  },
  {
    ...common,
    id: "signIn",
    method: "POST",
    path: "/session/login",
    summary: "Sign in to the console by the identity provider",
    description: `The page is to go to the address in the answer, and comes back by /session/callback within ten minutes. ${ownPage}`,
    target: { local: "sessionLogin" },
    body: {
      schema: SignInByProvider,
      mediaTypes: jsonAlone,
      example: { returnTo: "/console/users?q=ann" },
      optional: true,
    },
    status: 200,
    answer: {
      schema: SignInPlace,
      example: { url: "https://login.example.com/authorize?client_id=mailroster" },
    },
    problems: ["forbidden", "not-found", "invalid-fields", "unavailable", ...bodyProblems],
  },
  {
    ...common,
    id: "signInCallback",
    method: "GET",
    path: "/session/callback",
    summary: "Come back from the identity provider",
    description:
      "Where the identity provider sends the browser. Leads on to the console: to where the sign-in began, or with sign-in=refused, no-role or unavailable to its start.",
    target: { local: "sessionCallback" },
    status: 303,
    isUndocumented: true,
    problems: [],
  },
  {
    id: "endSessions",
    method: "POST",
    path: "/session/revocations",
    tag: "console",
    scope: "keys:manage",
    summary: "End sessions of the console",
    description:
      "One, or all that somebody has begun until now; good nowhere any more within 5 s. Whoever may still sign in can do so again: take the role or the key away first.",
    target: to("access.end-sessions", ({ body }) => body as ActionInput<"access.end-sessions">),
    query: {},
    body: {
      schema: EndSessions,
      mediaTypes: jsonAlone,
      example: { kind: "principal", id: "oidc:entra:7c1e9d3a", reason: "Has left" },
    },
    status: 204,
    problems: [...bodyProblems],
  },
  {
    ...common,
    id: "signOut",
    method: "POST",
    path: "/session/logout",
    summary: "Sign out of the console",
    description: `The session is good nowhere any more. ${ownPage}`,
    target: { local: "sessionLogout" },
    status: 200,
    answer: { schema: SignedOut, example: {} },
    problems: ["not-found"],
  },
];
