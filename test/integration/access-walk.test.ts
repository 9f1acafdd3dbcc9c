/** Every operation × every kind of token that is none × every role: 401, 403 with the scope, or let through. */
import test from "ava";
import { roles } from "../../services/contracts/roles.ts";
import { askWhole, askWithoutBody, eachOf, guardedRows, refusedBy, waysOf } from "../support/access-walk.ts";
import { eventually } from "../support/eventually.ts";
import { bearer, makeKey, mistyped, strangeKey } from "../support/keys.ts";
import { type Rig, startRig } from "../support/rig.ts";

let rig: Rig;
test.before(async () => {
  rig = await startRig({ environment: { AUTH: "required" }, limits: { keysEveryMs: 50 } });
});
test.after.always(() => rig.stop());

const answers = (key: string, wanted: number) =>
  eventually(async () => {
    const { status } = await rig.http("GET", "/users?limit=1", undefined, bearer(key));
    if (status !== wanted) throw new Error(`${status}`);
  });

test("no operation is open to a request whose token is none, and none reads a byte of its body", async (t) => {
  const [expired, revoked] = [await makeKey(rig, "owner"), await makeKey(rig, "owner")];
  for (const { key } of [expired, revoked]) await answers(key, 200);
  await rig.usersDb.query("update api_keys set expires_at = now() - interval '1 s' where id = $1", [
    expired.id,
  ]);
  await rig.call("access.revoke", { id: revoked.id });
  for (const { key } of [expired, revoked]) await answers(key, 401);
  const none = {
    "no token": undefined,
    malformed: mistyped(expired.key),
    expired: expired.key,
    revoked: revoked.key,
    unknown: strangeKey(),
    "another form": "abc",
  };
  const cases = guardedRows.flatMap((row) =>
    Object.entries(none).map(([kind, key]) => ({ row, kind, key, target: waysOf(row)[0]?.target ?? "" })),
  );
  t.true(cases.length >= 6 * 15);
  await eachOf(cases, async ({ row, kind, key, target }) => {
    const { status, headers, body } = await askWithoutBody(rig.port, row, target, key);
    const what = `${row.id}, ${kind}: ${body}`;
    t.is(status, 401, what);
    t.regex(headers.get("www-authenticate") ?? "", /^Bearer realm="mailroster"/, what);
    const { type, status: told } = JSON.parse(body);
    if (row.protocol === "scim") t.is(told, "401", what);
    else t.is(type, "/problems/unauthenticated", what);
  });
});

test("each role is let through where the table says so, and elsewhere hears which scope it lacks", async (t) => {
  for (const role of roles) {
    const { key } = await makeKey(rig, role, { name: `walk ${role}` });
    await answers(key, refusedBy(role, ["users:read"]) === undefined ? 200 : 403);
    const cases = guardedRows.flatMap((row) => waysOf(row).map((way) => ({ row, ...way })));
    await eachOf(cases, async ({ row, target, scopes }) => {
      const lacking = refusedBy(role, scopes);
      const what = `${role}: ${row.id} ${target}`;
      if (lacking === undefined) {
        // Of a busy machine 503 is no answer yet.
        const status = await eventually(async () => {
          const answer = await askWhole(rig.port, row, target, key);
          if (answer.status === 503) throw new Error(`${what}: ${answer.body}`);
          return answer.status;
        });
        t.false([401, 403].includes(status) || status === 500 || status >= 502, `${what}: ${status}`);
        return;
      }
      const { status, headers } = await askWithoutBody(rig.port, row, target, key);
      t.is(status, 403, what);
      t.true(
        (headers.get("www-authenticate") ?? "").includes(`error="insufficient_scope", scope="${lacking}"`),
        what,
      );
    });
  }
});
