/** Sessions of the console that are ended before their time, at several gateways. */
import { randomBytes } from "node:crypto";
import test from "ava";
import { browserAt } from "../support/console-browser.ts";
import { eventually } from "../support/eventually.ts";
import { makeKey } from "../support/keys.ts";
import { type Instance, type Rig, startRig } from "../support/rig.ts";

let rig: Rig;
let other: Instance;
let aheadMs = 0;
test.before(async () => {
  rig = await startRig({
    environment: { AUTH: "required", SESSION_KEY: randomBytes(32).toString("base64url") },
    limits: { keysEveryMs: 50 },
    now: () => new Date(Date.now() + aheadMs),
  });
  other = await rig.another();
});
test.after.always(async () => {
  await other.stop();
  await rig.stop();
});

async function signedIn(key: string) {
  const browser = browserAt(rig.url);
  await eventually(async () => {
    const { status } = await browser.ask("POST", "/session/key", { key });
    if (status !== 204) throw new Error(`Not signed in: ${status}`);
  });
  return browser;
}
const cookieOf = ({ cookies }: { cookies: Map<string, string> }) => cookies.get("mailroster-session") ?? "";

/** What a gateway says to who has kept the cookie. */
async function statusWith(at: Instance, cookie: string): Promise<number> {
  const browser = browserAt(at.url);
  browser.cookies.set("mailroster-session", cookie);
  return (await browser.ask("GET", "/users?limit=1")).status;
}
const becomes = (at: Instance, cookie: string, wanted: number) =>
  eventually(async () => {
    const status = await statusWith(at, cookie);
    if (status !== wanted) throw new Error(`${status}`);
  });

test.serial("whoever signs out has signed out at every gateway, and at one that starts later", async (t) => {
  const { key } = await makeKey(rig, "viewer", { name: "leaves" });
  const [browser, second] = [await signedIn(key), await signedIn(key)];
  const [kept, goesOn] = [cookieOf(browser), cookieOf(second)];
  await becomes(other, kept, 200);
  t.is((await browser.ask("POST", "/session/logout")).status, 200);
  await becomes(other, kept, 401);
  const later = await rig.another();
  t.teardown(() => later.stop());
  await becomes(later, goesOn, 200);
  await becomes(later, kept, 401);
  t.is(await statusWith(other, goesOn), 200);
});

test.serial(
  "an owner ends all sessions that somebody has, on record, and who signs in again has another one",
  async (t) => {
    const { key: ownersKey } = await makeKey(rig, "owner", { name: "owner" });
    const owner = await signedIn(ownersKey);
    const { id, key } = await makeKey(rig, "viewer", { name: "shared" });
    const cookies = [cookieOf(await signedIn(key)), cookieOf(await signedIn(key))];
    const ask = { kind: "principal", id: `key:${id}`, reason: "Left a screen open" };
    const viewer = browserAt(rig.url);
    viewer.cookies.set("mailroster-session", cookies[0] ?? "");
    t.is((await viewer.ask("POST", "/session/revocations", ask)).status, 403);
    t.is((await owner.ask("POST", "/session/revocations", ask)).status, 204);
    for (const cookie of cookies) for (const at of [rig, other]) await becomes(at, cookie, 401);
    const { rows } = await rig.usersDb.query(
      "select target_kind, target_id, reason from activity where action = 'access.end-sessions' and allowed",
    );
    t.deepEqual(rows, [{ target_kind: "principal", target_id: `key:${id}`, reason: "Left a screen open" }]);
    t.is(await statusWith(rig, cookieOf(owner)), 200);
    aheadMs += 1_000;
    await becomes(other, cookieOf(await signedIn(key)), 200);
  },
);

test.serial("what no session outlives is thrown away by the next one that is ended", async (t) => {
  const count = async () =>
    Number((await rig.usersDb.query("select count(*) from ended_sessions")).rows[0]?.count);
  t.true((await count()) > 1);
  aheadMs += 10 * 3_600_000;
  await rig.call("access.end-sessions", { kind: "session", id: "any" });
  t.is(await count(), 1);
});
