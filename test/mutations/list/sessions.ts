/** The console as it is served, and who has signed in there: guarantee 63. */
import { edit, type Mutation } from "../mutation.ts";
import { always, becomes, condition, drops, never, property, statement, use, value } from "../operators.ts";

const files = "test/integration/console-files.test.ts";
const sessions = "test/integration/console-sessions.test.ts";
const provider = "test/integration/console-oidc.test.ts";
const revocations = "test/integration/session-revocations.test.ts";
const folder = "services/gateway/sessions";

export const consoleSessions: readonly Mutation[] = [
  {
    name: "texts-become-markup",
    guarantee: "63a",
    edits: [
      edit("services/gateway/console/answers.ts", "policy", drops(use("require-trusted-types-for 'script'"))),
    ],
    file: files,
    title:
      "the console's page is the same at each of its addresses, kept by nobody, and nothing in it is inline",
  },
  {
    name: "styles-keep-their-name",
    guarantee: "63a",
    edits: [
      edit("services/gateway/console/bundle.ts", "makeBundle", drops(statement("update", "name", "content"))),
    ],
    file: files,
    title:
      "names of the console's files change with the content of any of them, and a circle of imports is no obstacle",
  },
  {
    name: "any-page-may-ask",
    guarantee: "63b",
    edits: [edit(`${folder}/csrf.ts`, "requireOwnPage", becomes(condition("isOwn"), always))],
    file: sessions,
    title: "what a session changes must be asked by the console itself",
  },
  {
    name: "planted-session-goes-on",
    guarantee: "63b",
    edits: [
      edit(
        `${folder}/index.ts`,
        "consoleSessions.begin",
        becomes(use("randomUUID"), '(() => "the only one")'),
      ),
    ],
    file: sessions,
    title: "signing in begins a new session, whatever cookie the browser came with",
  },
  {
    name: "cookie-of-neighbours",
    guarantee: "63b",
    edits: [edit(`${folder}/cookies.ts`, "nameOf", becomes(condition("channel"), never))],
    file: sessions,
    title:
      "behind a proxy with TLS the cookie is Secure and this host's alone; over plain HTTP nobody signs in",
  },
  {
    name: "plain-http-will-do",
    guarantee: "63b",
    edits: [edit(`${folder}/channel.ts`, "isForLoopback", becomes(condition("isLoopbackHost"), always))],
    file: sessions,
    title:
      "behind a proxy with TLS the cookie is Secure and this host's alone; over plain HTTP nobody signs in",
  },
  {
    name: "idle-for-ever",
    guarantee: "63c",
    edits: [edit(`${folder}/terms.ts`, "idleMs", becomes(value, "$ * 1_000"))],
    file: sessions,
    title:
      "a session that nobody uses ends after 30 minutes; a poll is no use, and 8 hours are the end of any",
  },
  {
    name: "polls-keep-it",
    guarantee: "63c",
    edits: [edit(`${folder}/index.ts`, "consoleSessions.principalOf", becomes(condition("poll"), always))],
    file: sessions,
    title:
      "a session that nobody uses ends after 30 minutes; a poll is no use, and 8 hours are the end of any",
  },
  {
    name: "cookie-outlives-sign-out",
    guarantee: "63c",
    edits: [edit(`${folder}/answers.ts`, "sessionAnswers.sessionLogout", drops(statement("end")))],
    file: sessions,
    title: "signing out ends the session, also for who has kept the cookie",
  },
  {
    name: "session-outlives-its-key",
    guarantee: "63c",
    edits: [edit("services/gateway/access/keys.ts", "keyRing.held", drops(statement("requireGood")))],
    file: sessions,
    title: "a session ends with its key",
  },
  {
    name: "session-waits-for-the-keys",
    guarantee: "63d",
    edits: [
      edit(
        "services/gateway/access/keys.ts",
        "keyRing.held",
        becomes(statement("generation"), "requireFresh();\n$"),
      ),
    ],
    file: sessions,
    title:
      "a session goes on while the users database is away, also at a gateway that has never heard of the keys",
  },
  {
    name: "local-by-any-name",
    guarantee: "63e",
    edits: [edit(`${folder}/state.ts`, "localCaller", becomes(condition("plain"), never))],
    file: sessions,
    title: "at one's own machine nobody signs in, and what the console changes has the account's name",
  },
  {
    name: "state-not-compared",
    guarantee: "63f",
    edits: [
      edit(
        `${folder}/provider.ts`,
        "consoleProvider.finish",
        becomes(property("expectedState"), "client.skipStateCheck"),
      ),
    ],
    file: provider,
    title:
      "whoever comes back without having been sent, in another browser, late or twice, has not signed in",
  },
  {
    name: "late-ones-sign-in",
    guarantee: "63f",
    edits: [
      edit(`${folder}/provider-answers.ts`, "providerAnswers.underWay", becomes(condition("endsAt"), always)),
    ],
    file: provider,
    title:
      "whoever comes back without having been sent, in another browser, late or twice, has not signed in",
  },
  {
    name: "anybody-of-the-provider",
    guarantee: "63f",
    edits: [
      edit(
        `${folder}/provider-answers.ts`,
        "providerAnswers.sessionCallback",
        becomes(condition("roles"), never),
      ),
    ],
    file: provider,
    title: "whoever has no role here does not sign in, and loses it with the group's",
  },
  {
    name: "ended-still-good",
    guarantee: "63g",
    edits: [edit("services/gateway/access/keys.ts", "keyRing.hasEnded", becomes(condition("has"), never))],
    file: revocations,
    title: "whoever signs out has signed out at every gateway, and at one that starts later",
  },
  {
    name: "other-sessions-go-on",
    guarantee: "63g",
    edits: [
      edit("services/gateway/access/keys.ts", "keyRing.hasEnded", becomes(condition("beganAtMs"), never)),
    ],
    file: revocations,
    title: "an owner ends all sessions that somebody has, on record, and who signs in again has another one",
  },
];
