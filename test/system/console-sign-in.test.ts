/**
 * Signing in at the console of a whole system: by a key for an emergency while the identity provider is away, on Deno; and
 * in a browser that has come back from the provider without having signed in.
 */
import test, { type ExecutionContext } from "ava";
import { newKey } from "../../services/contracts/access-key.ts";
import type { ActivityPage } from "../../services/contracts/activity.ts";
import type { SignInFault } from "../../services/contracts/session.ts";
import { pageOf } from "../support/browser.ts";
import { browserAt } from "../support/console-browser.ts";
import { eventually } from "../support/eventually.ts";
import { consoleClient, startIdentityProvider } from "../support/identity-provider.ts";
import { Processes } from "../support/processes.ts";
import { taskStart } from "../support/sandboxes.ts";

const audience = "https://mail.example";

async function providerOf(t: ExecutionContext) {
  const provider = await startIdentityProvider({ people: {}, audience });
  t.teardown(() => provider.stop());
  const environment = {
    CONSOLE: "on",
    AUTH: "required",
    OIDC_ISSUERS: `test=${provider.issuer}`,
    OIDC_AUDIENCE: audience,
    OIDC_ROLE_CLAIM: "groups",
    OIDC_ROLES_FILE: "docs/guides/roles.json",
    OIDC_CLIENT_ID: consoleClient.id,
    OIDC_CLIENT_SECRET: consoleClient.secret,
  };
  return { ...provider, environment };
}

test.serial(
  "while the identity provider is away a break-glass key signs in at the console of Deno, on record with its reason",
  async (t) => {
    const processes = new Processes();
    t.teardown(() => processes.end());
    const provider = await providerOf(t);
    const env = { ...provider.environment, DATA_DIR: processes.folder() };
    const { command, env: own } = taskStart("start");
    const system = await processes.start({ command, env: { ...env, ...own } });
    await system.ready();
    await provider.stop();
    const browser = browserAt(system.httpUrl);
    t.deepEqual((await browser.ask("GET", "/session")).body.ways, ["test", "key"]);
    t.is((await browser.ask("POST", "/session/login", {})).status, 503);

    const making = await processes.start({
      script: "services/commands/key/index.ts",
      args: ["create", "--break-glass", "--minutes", "5", "--reason", "the provider is down, ticket 4711"],
      env: { DATA_DIR: env.DATA_DIR },
    });
    t.is((await making.exited()).code, 0, making.stderr());
    const key = making.stdout().trim();
    await eventually(async () => {
      const { status, body } = await browser.ask("POST", "/session/key", { key });
      if (status !== 204) throw new Error(`${status} ${JSON.stringify(body)}`);
    });
    t.like((await browser.ask("GET", "/session")).body, { signedIn: true, roles: ["owner"], via: "session" });
    const made = await browser.ask("POST", "/users", {
      displayName: "Ann Lee",
      primarySmtp: "ann.lee@example.com",
    });
    t.is(made.status, 201);
    t.is((await browser.ask("GET", `/users/${made.body.id}`)).status, 200);
    await eventually(async () => {
      const activity: ActivityPage = (await browser.ask("GET", "/activity?limit=200")).body;
      const told = activity.items.map(({ action, reason }) => `${action}: ${reason}`).join("\n");
      if (!/^access\.create: .*ticket 4711$/m.test(told) || !/^session\.begin: by an access key$/m.test(told))
        throw new Error(told);
    });

    const kept = new Map(browser.cookies);
    t.is((await browser.ask("POST", "/session/logout")).status, 200);
    for (const [name, value] of kept) browser.cookies.set(name, value);
    t.is((await browser.ask("GET", "/users?limit=1")).status, 401);
    system.kill("SIGTERM");
    t.deepEqual(await system.exited(), { code: 0, signal: null });
  },
);

test.serial("who comes back from the provider and has not signed in reads why, and what to do", async (t) => {
  const processes = new Processes();
  t.teardown(() => processes.end());
  const { key } = newKey();
  const { environment } = await providerOf(t);
  const env = { ...environment, DATA_DIR: processes.folder(), AUTH_BOOTSTRAP_KEY: key };
  const system = await processes.start({ env });
  await system.ready();
  const at = await pageOf(t, system.httpUrl);
  const words: Readonly<Record<SignInFault, RegExp>> = {
    refused: /have not signed in.*ten minutes/s,
    "no-role": /no role here.*OIDC_ROLES_FILE/s,
    unavailable: /does not answer.*break-glass/s,
  };
  for (const [fault, text] of Object.entries(words)) {
    await at.page.goto(`/console?sign-in=${fault}`);
    await at.settled();
    t.regex((await at.page.getByRole("alert").textContent()) ?? "", text, fault);
  }
  // A word that nobody sends is nothing that somebody could be made to read.
  await at.page.goto("/console?sign-in=toString");
  await at.settled();
  t.is(await at.page.getByRole("alert").count(), 0);

  await at.page.goto("/console?sign-in=unavailable");
  await at.page.getByLabel("Access key").fill(key);
  await at.page.getByRole("button", { name: "Sign in with the key" }).click();
  await at.page.getByRole("heading", { level: 1, name: "What is this?" }).waitFor();
  t.is(new URL(at.page.url()).search, "");
  system.kill("SIGTERM");
  t.deepEqual(await system.exited(), { code: 0, signal: null });
});
