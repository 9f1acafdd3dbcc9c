/** F12: how many idempotency keys a caller may have. */
import test from "ava";
import { rigOf } from "../support/rig.ts";

test("F12: a caller that has used up its keys is refused another one, and nobody else is", async (t) => {
  const rig = await rigOf(t, {
    services: ["users", "smtp-registry"],
    environment: { IDEMPOTENCY_KEYS_MAX: "3" },
  });
  const create = (actor: string, idempotencyKey: string) =>
    rig.callWithMeta(
      "users.create",
      { displayName: "Ann", primarySmtp: `${actor.replace(":", ".")}.${idempotencyKey}@example.com` },
      { actor, idempotencyKey },
    );
  for (const key of ["1", "2", "3"]) await create("key:a", key);
  await t.throwsAsync(create("key:a", "4"), {
    message:
      "Cannot keep another idempotency key: this caller has 3; send the request without one, or once some have expired",
  });
  t.true((await create("key:a", "2")).meta.idempotentReplayed, "a repeat gets its answer all the same");
  await create("key:b", "4");
  for (const key of ["1", "2", "3", "4", "5"]) await create("local", key);
  const another = await rig.another();
  await t.throwsAsync(
    another.callWithMeta(
      "users.create",
      { displayName: "Ann", primarySmtp: "ann@example.com" },
      { actor: "key:a", idempotencyKey: "5" },
    ),
    { message: /^Cannot keep another idempotency key/ },
    "another process counts what this one has stored",
  );
});

test("F12: the key of one caller is nobody else's", async (t) => {
  const rig = await rigOf(t, { services: ["users", "smtp-registry"] });
  const create = (actor: string, displayName: string) =>
    rig.callWithMeta(
      "users.create",
      { displayName, primarySmtp: `${displayName}@example.com` },
      { actor, idempotencyKey: "seed-1" },
    );
  const attacker = await create("key:attacker", "mallory");
  const owner = await create("key:owner", "ann");
  t.not(owner.result.id, attacker.result.id);
  t.falsy(owner.meta.idempotentReplayed);
});
