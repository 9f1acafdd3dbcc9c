/** What a client hears that sends one key twice at once, over HTTP, while the first request is held up. */
import assert from "node:assert/strict";
import test, { type ExecutionContext } from "ava";
import { eventually } from "../support/eventually.ts";
import { held } from "../support/held.ts";
import { rigOf } from "../support/rig.ts";

const ann = { displayName: "Ann", primarySmtp: "ann@one.example" };
const headers = { "idempotency-key": "twice" };

/** Two requests under one key, of which the first waits at the registry's table until `release`. */
async function twoAtOnce(t: ExecutionContext) {
  const rig = await rigOf(t, { services: ["gateway", "users", "smtp-registry"] });
  const post = () => rig.httpOnce("POST", "/users", ann, headers);
  const release = await held(t, rig.registryDb, "lock table addresses in access exclusive mode");
  const first = post();
  await eventually(async () => {
    const { rows } = await rig.registryDb.query("select from pg_locks where not granted");
    assert.ok(rows.length > 0, "nobody waits for the table");
  });
  const second = post();
  return { post, first, second, release };
}

test("the second of two requests under one key gets the first one's answer, and not 409", async (t) => {
  const { first, second, release } = await twoAtOnce(t);
  await release();
  const [answer, repeated] = [await first, await second];
  t.is(answer.status, 201);
  t.is(repeated.status, 201);
  t.deepEqual(repeated.body, answer.body);
  t.is(repeated.headers.get("idempotent-replayed"), "true");
});

test("where the first could not be served the second is not either, and the key is free", async (t) => {
  const { post, first, second, release } = await twoAtOnce(t);
  t.is((await first).status, 503);
  t.is((await second).status, 503);
  await release();
  await eventually(async () => {
    const { status, headers: told } = await post();
    assert.equal(status, 201);
    assert.equal(told.get("idempotent-replayed"), null);
  });
});
