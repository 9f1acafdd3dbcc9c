/** Signing in to the console with an access key, and without one at one's own machine. */
import { randomBytes } from "node:crypto";
import test from "ava";
import { type Browser, browserAt } from "../support/console-browser.ts";
import { eventually } from "../support/eventually.ts";
import { bearer, makeKey, strangeKey } from "../support/keys.ts";
import { sendRaw } from "../support/raw-http.ts";
import { type Rig, startGateway, startRig } from "../support/rig.ts";
import { registryStandIn, usersStandIn } from "../support/stand-ins.ts";

const minuteMs = 60_000;
const sessionKey = (): string => randomBytes(32).toString("base64url");
const oldKey = sessionKey();
const newestKey = sessionKey();

let aheadMs = 0;
const now = () => new Date(Date.now() + aheadMs);
let rig: Rig;
test.before(async () => {
  rig = await startRig({
    environment: { AUTH: "required", SESSION_KEY: oldKey },
    limits: { keysEveryMs: 50 },
    now,
  });
});
test.after.always(() => rig.stop());
test.beforeEach(() => {
  aheadMs = 0;
});

/** Somebody at the console with a key of the role. */
async function signedIn(role: Parameters<typeof makeKey>[1], at = rig.url) {
  const { id, key } = await makeKey(rig, role, { name: `desk ${role}` });
  const browser = browserAt(at);
  await eventually(async () => {
    const { status } = await browser.ask("POST", "/session/key", { key });
    if (status !== 204) throw new Error(`Not signed in: ${status}`);
  });
  return { id, key, browser };
}
const stateOf = async (browser: Browser) => (await browser.ask("GET", "/session")).body;
const read = (browser: Browser, headers: Record<string, string | null> = {}) =>
  browser.ask("GET", "/users?limit=1", undefined, headers);

test.serial("whoever has not signed in hears how to, and no more", async (t) => {
  const { body, status } = await browserAt(rig.url).ask("GET", "/session");
  t.is(status, 200);
  t.like(body, {
    signedIn: false,
    name: null,
    roles: [],
    scopes: [],
    via: null,
    ways: ["key"],
    banner: null,
  });
  t.is((await browserAt(rig.url).ask("GET", "/users")).status, 401);
});

test.serial(
  "a session is the key's own caller, with its roles and no more, in a cookie for the gateway alone",
  async (t) => {
    const { id, browser } = await signedIn("helpdesk");
    t.like(await stateOf(browser), {
      signedIn: true,
      name: "desk helpdesk",
      id: `key:${id}`,
      roles: ["helpdesk"],
      via: "session",
    });
    t.true((await stateOf(browser)).scopes.includes("users:write"));
    t.is((await read(browser)).status, 200);
    const { status, body } = await browser.ask("GET", "/audit");
    t.is(status, 403);
    t.regex(body.detail, /audit:read/);
    const [line = ""] = browser.lines;
    t.regex(line, /^mailroster-session=[\w-]+\.[\w.-]+; Path=\/; Max-Age=1800; HttpOnly; SameSite=Lax$/);
    t.false(JSON.stringify([...browser.cookies]).includes(id), "sealed");
    const made = await browser.ask("POST", "/users", {
      displayName: "Session Made",
      primarySmtp: "session@example.com",
    });
    t.is(made.status, 201);
    await eventually(async () => {
      const { rows } = await rig.usersDb.query("select actor from audit_entries where user_id = $1", [
        made.body.id,
      ]);
      if (rows[0]?.actor !== `key:${id}`) throw new Error(JSON.stringify(rows));
    });
  },
);

test.serial(
  "behind a proxy with TLS the cookie is Secure and this host's alone; over plain HTTP nobody signs in",
  async (t) => {
    const gateway = await startGateway({
      standIns: [usersStandIn(), registryStandIn()],
      environment: {
        AUTH: "required",
        SESSION_KEY: oldKey,
        TRUSTED_PROXIES: "127.0.0.1",
        HTTP_ALLOWED_HOSTS: "mail.example",
      },
    });
    t.teardown(() => gateway.stop());
    const raw = (path: string, ...headers: string[]) =>
      sendRaw(
        gateway.port,
        [`GET ${path} HTTP/1.1`, "Host: mail.example", "Connection: close", ...headers, "\r\n"].join("\r\n"),
      );
    const plain = JSON.parse((await raw("/session")).body);
    t.deepEqual(plain.ways, []);
    t.regex(plain.banner, /https/);
    const overTls = JSON.parse((await raw("/session", "X-Forwarded-Proto: https")).body);
    t.deepEqual(overTls.ways, ["key"]);
    const { browser } = await signedIn("viewer");
    const value = browser.cookies.get("mailroster-session") ?? "";
    const cookie = (name: string) =>
      raw("/users?limit=1", "X-Forwarded-Proto: https", `Cookie: ${name}=${value}`);
    t.is((await cookie("__Host-mailroster-session")).status, 200);
    t.is((await cookie("mailroster-session")).status, 401, "a neighbour's page can set that one");
  },
);

test.serial("what a session changes must be asked by the console itself", async (t) => {
  const { browser } = await signedIn("owner");
  const write = (headers: Record<string, string | null>) =>
    browser.ask("POST", "/users", { displayName: "Forged", primarySmtp: "forged@example.com" }, headers);
  const refused: Record<string, string | null>[] = [
    { "sec-fetch-site": "cross-site" },
    { "sec-fetch-site": "same-site" },
    { "sec-fetch-site": "none" },
    { "sec-fetch-site": null },
    { "sec-fetch-site": null, origin: "http://evil.example" },
    { "sec-fetch-site": null, origin: `http://127.0.0.1:${rig.port + 1}` },
    { "x-mailroster-console": null },
  ];
  for (const headers of refused) {
    const { status, body } = await write(headers);
    t.is(status, 403, JSON.stringify(headers));
    t.is(body.type, "/problems/foreign-site");
  }
  t.is((await write({ "sec-fetch-site": null, origin: rig.url })).status, 201);
  t.is((await read(browser, { "sec-fetch-site": "cross-site", "x-mailroster-console": null })).status, 200);
  for (const path of ["/session/key", "/session/logout"])
    t.is((await browser.ask("POST", path, { key: "x" }, { "x-mailroster-console": null })).status, 403, path);
});

test.serial("signing in begins a new session, whatever cookie the browser came with", async (t) => {
  const attacker = await signedIn("viewer");
  const planted = attacker.browser.cookies.get("mailroster-session") ?? "";
  const { key } = await makeKey(rig, "owner", { name: "victim" });
  const victim = browserAt(rig.url);
  victim.cookies.set("mailroster-session", planted);
  await eventually(async () => {
    if ((await victim.ask("POST", "/session/key", { key })).status !== 204) throw new Error("Not yet");
  });
  t.not(victim.cookies.get("mailroster-session"), planted);
  t.deepEqual((await stateOf(victim)).roles, ["owner"]);
  t.deepEqual((await stateOf(attacker.browser)).roles, ["viewer"], "what was planted is what it was");
  await victim.ask("POST", "/session/logout");
  t.is((await read(attacker.browser)).status, 200, "and is another session");
});

test.serial(
  "a session that nobody uses ends after 30 minutes; a poll is no use, and 8 hours are the end of any",
  async (t) => {
    const { browser } = await signedIn("viewer");
    const first = browser.cookies.get("mailroster-session");
    aheadMs = 29 * minuteMs;
    t.is((await read(browser, { "x-mailroster-console": "poll" })).status, 200);
    t.is(browser.cookies.get("mailroster-session"), first);
    t.is((await read(browser)).status, 200);
    t.not(browser.cookies.get("mailroster-session"), first, "it goes on");
    const goneOn = browser.cookies.get("mailroster-session") ?? "";
    browser.cookies.set("mailroster-session", first ?? "");
    aheadMs = 31 * minuteMs;
    const over = await read(browser);
    t.is(over.status, 401);
    t.regex(over.body.detail, /30 minutes/);
    t.false((await stateOf(browser)).signedIn);
    browser.cookies.set("mailroster-session", goneOn);
    for (aheadMs = 50 * minuteMs; aheadMs < 8 * 60 * minuteMs; aheadMs += 25 * minuteMs)
      t.is((await read(browser)).status, 200, `${aheadMs / minuteMs} minutes`);
    aheadMs = 8 * 60 * minuteMs + 1_000;
    t.regex((await read(browser)).body.detail, /8 hours/);
  },
);

test.serial("signing out ends the session, also for who has kept the cookie", async (t) => {
  const { browser } = await signedIn("viewer");
  const kept = browser.cookies.get("mailroster-session") ?? "";
  const { status, headers } = await browser.ask("POST", "/session/logout");
  t.is(status, 200);
  t.is(headers.get("clear-site-data"), '"cache"');
  t.false(browser.cookies.has("mailroster-session"));
  browser.cookies.set("mailroster-session", kept);
  t.regex((await read(browser)).body.detail, /was ended/);
});

test.serial("a session ends with its key", async (t) => {
  const { id, browser } = await signedIn("viewer");
  await rig.call("access.revoke", { id });
  await eventually(async () => {
    if ((await read(browser)).status !== 401) throw new Error("It goes on");
  });
  t.false((await stateOf(browser)).signedIn);
});

test.serial("what was not sealed here is no session, and a key that is none begins none", async (t) => {
  const { browser } = await signedIn("viewer");
  const value = browser.cookies.get("mailroster-session") ?? "";
  const forged = ["x", value.slice(0, -1), value.replace(/^[^.]*/, "e30"), `${value}x`];
  for (const text of forged) {
    browser.cookies.set("mailroster-session", text);
    t.is((await read(browser)).status, 401, text);
  }
  browser.cookies.set("mailroster-session", `${value}; mailroster-session=${value}`);
  t.is((await read(browser)).status, 401, "two of one name");
  const other = browserAt(rig.url);
  const { status } = await other.ask("POST", "/session/key", { key: strangeKey() });
  t.is(status, 401);
  t.is(other.lines.length, 0);
});

test.serial("a token counts for more than the cookie beside it", async (t) => {
  const { browser } = await signedIn("viewer");
  const { key } = await makeKey(rig, "owner", { name: "token" });
  await eventually(async () => {
    const { status } = await browser.ask("GET", "/audit", undefined, bearer(key));
    if (status !== 200) throw new Error(`${status}`);
  });
  t.is((await browser.ask("GET", "/audit")).status, 403);
});

test.serial(
  "a session goes on while the users database is away, also at a gateway that has never heard of the keys",
  async (t) => {
    const { browser } = await signedIn("viewer");
    const environment = { AUTH: "required", SESSION_KEY: `${newestKey},${oldKey}` };
    const standIns = [usersStandIn(), registryStandIn()];
    const later = await startGateway({ standIns, environment });
    t.teardown(() => later.stop());
    const [value = ""] = browser.cookies.values();
    const there = browserAt(later.url);
    there.cookies.set("mailroster-session", value);
    t.is((await read(there)).status, 200, "sealed with the older of its keys");
    t.is(
      (await there.ask("GET", "/users?limit=1", undefined, bearer(strangeKey()))).status,
      503,
      "a key can't be told",
    );
    const strange = await startGateway({
      standIns: [usersStandIn()],
      environment: { ...environment, SESSION_KEY: newestKey },
    });
    t.teardown(() => strange.stop());
    const elsewhere = browserAt(strange.url);
    elsewhere.cookies.set("mailroster-session", value);
    t.is((await read(elsewhere)).status, 401, "another installation's");
  },
);

test.serial(
  "at one's own machine nobody signs in, and what the console changes has the account's name",
  async (t) => {
    const own = await startRig({ environment: { HTTP_ALLOWED_HOSTS: "mail.example" } });
    t.teardown(() => own.stop());
    const browser = browserAt(own.url);
    const state = await stateOf(browser);
    t.like(state, { signedIn: true, roles: ["owner"], via: "none", ways: [] });
    t.regex(state.id, /^local:./);
    t.regex(state.banner, new RegExp(state.id));
    const made = await browser.ask("POST", "/users", {
      displayName: "Local Made",
      primarySmtp: "local@example.com",
    });
    t.is(made.status, 201);
    await eventually(async () => {
      const { rows } = await own.usersDb.query("select actor from audit_entries where user_id = $1", [
        made.body.id,
      ]);
      if (rows[0]?.actor !== state.id) throw new Error(JSON.stringify(rows));
    });
    const elsewhere = await sendRaw(
      own.port,
      "GET /session HTTP/1.1\r\nHost: mail.example\r\nConnection: close\r\n\r\n",
    );
    t.like(JSON.parse(elsewhere.body), { signedIn: false, id: null, ways: [] });
    const rebound = await sendRaw(
      own.port,
      "GET /session HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
    );
    t.is(rebound.status, 421);
  },
);
