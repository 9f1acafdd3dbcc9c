/** Signing in to the console by a real identity provider, as a browser goes through it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { type Browser, browserAt } from "../support/console-browser.ts";
import {
  consoleClient,
  type IdentityProvider,
  startIdentityProvider,
  walkThrough,
} from "../support/identity-provider.ts";
import { type Instance, startGateway } from "../support/rig.ts";
import { recordStandIn, registryStandIn, usersStandIn } from "../support/stand-ins.ts";

const audience = "https://mail.example";
const people = {
  ann: { groups: ["desk", "unknown here"], name: "Ann Lee" },
  olga: { groups: ["owners"] },
  norman: { groups: ["unknown here"] },
};
const folder = mkdtempSync(join(tmpdir(), "console-oidc-"));
const rolesFile = join(folder, "roles.json");
const giveRoles = (roles: object): void => writeFileSync(rolesFile, JSON.stringify(roles));
const roles = { desk: { role: "helpdesk", domains: ["example.com"] }, owners: { role: "owner" } };

let aheadMs = 0;
let provider: IdentityProvider;
let gateway: Instance;
const environmentOf = ({ issuer }: IdentityProvider) => ({
  AUTH: "required",
  OIDC_ISSUERS: `test=${issuer}`,
  OIDC_AUDIENCE: audience,
  OIDC_ROLE_CLAIM: "groups",
  OIDC_ROLES_FILE: rolesFile,
  OIDC_CLIENT_ID: consoleClient.id,
  OIDC_CLIENT_SECRET: consoleClient.secret,
});
const startBefore = (idp: IdentityProvider) =>
  startGateway({
    standIns: [usersStandIn(), registryStandIn(), recordStandIn()],
    environment: environmentOf(idp),
    now: () => new Date(Date.now() + aheadMs),
  });
test.before(async () => {
  giveRoles(roles);
  provider = await startIdentityProvider({ people, audience });
  gateway = await startBefore(provider);
});
/** It only goes forward, and far enough for the roles to be read again. */
test.beforeEach(() => {
  aheadMs += 10_000;
  giveRoles(roles);
});
test.after.always(async () => {
  await gateway.stop();
  await provider.stop();
  rmSync(folder, { recursive: true });
});

const stateOf = async (browser: Browser) => (await browser.ask("GET", "/session")).body;
/** A link of the provider's leads back; no page of ours asks. */
const navigated = { "sec-fetch-site": "cross-site", "x-mailroster-console": null };
const comeBack = (browser: Browser, { pathname, search }: URL) =>
  browser.ask("GET", pathname + search, undefined, navigated);

async function sentAway(browser: Browser, name: string, returnTo = "/console/users?q=x", at = gateway) {
  const { status, body } = await browser.ask("POST", "/session/login", { returnTo });
  if (status !== 200) throw new Error(JSON.stringify(body));
  return walkThrough(new URL(body.url), name, `${at.url}/session/callback`);
}

test.serial(
  "somebody signs in by the code flow, is back where it began, and is who their tokens say",
  async (t) => {
    const browser = browserAt(gateway.url);
    t.deepEqual((await stateOf(browser)).ways, ["test", "key"]);
    const place = await sentAway(browser, "ann");
    t.regex(browser.lines[0] ?? "", /^mailroster-login=.*; Max-Age=600; HttpOnly; SameSite=Lax$/);
    const { status, headers } = await comeBack(browser, place);
    t.is(status, 303);
    t.is(headers.get("location"), "/console/users?q=x");
    t.deepEqual([...browser.cookies.keys()], ["mailroster-session"]);
    t.like(await stateOf(browser), {
      signedIn: true,
      name: "Ann Lee",
      id: "oidc:test:ann",
      roles: ["helpdesk"],
      domains: ["example.com"],
      via: "session",
    });
    t.is((await browser.ask("GET", "/users?limit=1")).status, 200);
    t.is((await browser.ask("GET", "/audit")).status, 403);
  },
);

test.serial("groups that stand in the ID token count as well", async (t) => {
  const other = await startIdentityProvider({ people, audience, tellsInIdToken: true });
  t.teardown(() => other.stop());
  const there = await startBefore(other);
  t.teardown(() => there.stop());
  const browser = browserAt(there.url);
  await comeBack(browser, await sentAway(browser, "olga", "/console", there));
  t.deepEqual((await stateOf(browser)).roles, ["owner"]);
});

test.serial(
  "whoever comes back without having been sent, in another browser, late or twice, has not signed in",
  async (t) => {
    const refused = async (browser: Browser, place: URL, what: string) => {
      const { status, headers } = await comeBack(browser, place);
      t.is(status, 303, what);
      t.is(headers.get("location"), "/console?sign-in=refused", what);
      t.false((await stateOf(browser)).signedIn, what);
    };
    const victim = browserAt(gateway.url);
    const attacker = browserAt(gateway.url);
    const place = await sentAway(attacker, "olga");
    await refused(victim, place, "not sent");
    await sentAway(victim, "ann");
    await refused(victim, place, "with the code of another's sign-in");
    const stateless = new URL(place);
    stateless.searchParams.delete("state");
    await refused(attacker, stateless, "without its state");
    const late = browserAt(gateway.url);
    const lateBack = await sentAway(late, "ann");
    aheadMs += 11 * 60_000;
    await refused(late, lateBack, "late");
    const twice = browserAt(gateway.url);
    const back = await sentAway(twice, "ann");
    const [login = ""] = [...twice.cookies.values()];
    await comeBack(twice, back);
    await twice.ask("POST", "/session/logout");
    twice.cookies.set("mailroster-login", login);
    await refused(twice, back, "twice");
  },
);

test.serial("whoever has no role here does not sign in, and loses it with the group's", async (t) => {
  const norman = browserAt(gateway.url);
  const { headers } = await comeBack(norman, await sentAway(norman, "norman"));
  t.is(headers.get("location"), "/console?sign-in=no-role");
  t.is(norman.cookies.size, 0);
  const olga = browserAt(gateway.url);
  await comeBack(olga, await sentAway(olga, "olga"));
  t.deepEqual((await stateOf(olga)).roles, ["owner"]);
  giveRoles({ owners: { role: "viewer" } });
  aheadMs += 10_000;
  t.deepEqual((await stateOf(olga)).roles, ["viewer"]);
});

test.serial("signing in leads to a page of the console and nowhere else", async (t) => {
  const browser = browserAt(gateway.url);
  for (const returnTo of [
    "https://evil.example",
    "//evil.example",
    "/users",
    "/consolex",
    "/console/\\evil",
    "/console/\r\nx",
  ]) {
    const { status } = await browser.ask("POST", "/session/login", { returnTo });
    t.is(status, 422, returnTo);
  }
  t.is((await browser.ask("POST", "/session/login", { issuer: "other" })).status, 403);
  t.is((await browser.ask("POST", "/session/login", {}, { "x-mailroster-console": null })).status, 403);
});

test.serial("while the provider is away nobody signs in, and whoever has goes on", async (t) => {
  const browser = browserAt(gateway.url);
  await comeBack(browser, await sentAway(browser, "ann"));
  const waiting = browserAt(gateway.url);
  const back = await sentAway(waiting, "ann");
  await provider.stop();
  t.teardown(() => provider.startAgain());
  t.is((await browser.ask("GET", "/users?limit=1")).status, 200);
  const { headers } = await comeBack(waiting, back);
  t.is(headers.get("location"), "/console?sign-in=unavailable");
  aheadMs += 11 * 60_000;
  t.is((await browserAt(gateway.url).ask("POST", "/session/login", {})).status, 503);
});

test.serial("signing out tells where the provider's own session ends", async (t) => {
  const browser = browserAt(gateway.url);
  await comeBack(browser, await sentAway(browser, "ann"));
  const { body } = await browser.ask("POST", "/session/logout");
  t.true(body.url.startsWith(`${provider.issuer}/session/end`), body.url);
  t.false((await stateOf(browser)).signedIn);
});
