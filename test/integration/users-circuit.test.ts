/** A registry that stops answering, by a lock on its table: what writers wait for, and how it ends. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import test, { type ExecutionContext } from "ava";
import pg from "pg";
import { circuitLimits } from "../../mixins/circuit-breaker.ts";
import { Refusal, Unavailable } from "../../services/contracts/errors.ts";
import { eventually } from "../support/eventually.ts";
import { type Rig, rigOf } from "../support/rig.ts";

const ownAddress = () => `a.${randomUUID()}@example.com`;

/** A write that does not ask the registry takes some milliseconds; one that waits for it 1,400. */
const atOnceMs = 700;

async function circuitRig(t: ExecutionContext) {
  return rigOf(t, { services: ["users", "smtp-registry", "outbox"] });
}

const someone = () => ({ displayName: "Ann", primarySmtp: ownAddress() });
const create = (rig: Rig) => rig.call("users.create", someone());
const createOnce = (rig: Rig) => rig.callOnce("users.create", someone());

async function stateOf({ metrics }: Rig): Promise<string | undefined> {
  const { values } = await metrics.circuitState.get();
  const now = values.filter(({ value }) => value === 1).map(({ labels }) => String(labels.state));
  assert.equal(now.length, 1);
  return now[0];
}

const callsOf = async ({ metrics }: Rig) =>
  (await metrics.smtpCheckDuration.get()).values.find((v) => v.metricName?.endsWith("_count"))?.value ?? 0;

const circuitLines = ({ lines }: Rig) =>
  lines.flatMap(({ msg, target }) => (target === "smtp-registry" ? [String(msg)] : []));

/** Resolves with what lets the registry answer again; the test's end does, too. */
async function freeze(t: ExecutionContext, rig: Rig): Promise<() => Promise<void>> {
  const blocker = new pg.Client({ connectionString: rig.urls.registry });
  await blocker.connect();
  t.teardown(() => blocker.end());
  await blocker.query("begin");
  await blocker.query("lock table addresses in access exclusive mode");
  return async () => void (await blocker.query("rollback"));
}

async function refusedBySilence(t: ExecutionContext, rig: Rig, count: number): Promise<void> {
  const writes = await Promise.allSettled(Array.from({ length: count }, () => createOnce(rig)));
  for (const write of writes) t.true(write.status === "rejected" && write.reason instanceof Unavailable);
}

test.serial(
  "a registry that stopped answering costs some writes their wait and no more, and the circuit closes by itself",
  async (t) => {
    const rig = await circuitRig(t);
    const { id, primarySmtp } = await create(rig);
    await eventually(async () => assert.deepEqual(await rig.eventsOf(id), []));
    const thaw = await freeze(t, rig);
    await refusedBySilence(t, rig, circuitLimits.faultsMax + 5);
    t.is(await stateOf(rig), "open");
    const calls = await callsOf(rig);
    const started = performance.now();
    const refused = await t.throwsAsync(createOnce(rig), { instanceOf: Unavailable });
    t.true(performance.now() - started < atOnceMs);
    t.is(await callsOf(rig), calls, "the registry was not asked");
    t.is(refused.data.dependency, "smtp-registry");
    t.true(refused.data.retryAfterMs > 0 && refused.data.retryAfterMs <= circuitLimits.openMs);
    t.is((await rig.metrics.circuitRefused.get()).values[0]?.value, 1);
    t.is((await rig.call("users.get", { id })).version, 1);
    t.is((await rig.call("users.list", { smtp: primarySmtp })).items.length, 1);

    await thaw();
    t.is((await rig.call("smtp-registry.lookup", { address: primarySmtp })).status, "active");
    await create(rig);
    t.is(await stateOf(rig), "closed");
    t.deepEqual(circuitLines(rig), [
      "circuit opened: calls are refused until it answers",
      "circuit closed: it answers again",
    ]);
  },
);

test.serial("while it does not answer, one write at a time tries", async (t) => {
  const rig = await circuitRig(t);
  const thaw = await freeze(t, rig);
  await refusedBySilence(t, rig, circuitLimits.faultsMax);
  const calls = await callsOf(rig);
  await eventually(async () => {
    const writes = await Promise.allSettled(Array.from({ length: 10 }, () => createOnce(rig)));
    assert.equal(await callsOf(rig), calls + 1);
    t.true(writes.every(({ status }) => status === "rejected"));
  });
  t.is(await stateOf(rig), "open");
  await thaw();
});

test.serial("what the registry refuses, it has answered", async (t) => {
  const rig = await circuitRig(t);
  const { primarySmtp } = await create(rig);
  const { id } = await create(rig);
  const taken = () => rig.call("users.patch", { id, primarySmtp });
  const started = performance.now();
  while (performance.now() - started < circuitLimits.quietMs + 500)
    t.is((await t.throwsAsync(taken(), { instanceOf: Refusal })).type, "address-taken");
  t.is(await stateOf(rig), "closed");
});

test.serial("one slow call opens nothing", async (t) => {
  const rig = await circuitRig(t);
  const thaw = await freeze(t, rig);
  await refusedBySilence(t, rig, 1);
  await thaw();
  await create(rig);
  t.is(await stateOf(rig), "closed");
  t.deepEqual(circuitLines(rig), []);
});

test.serial("writes that waited for their turn until their time was over open nothing", async (t) => {
  const rig = await circuitRig(t);
  const users = [await create(rig), await create(rig)];
  t.true(users.length < circuitLimits.faultsMax, "those whose turn comes first find out");
  const thaw = await freeze(t, rig);
  const writes = await Promise.allSettled(
    users.flatMap(({ id }) =>
      ["Bea", "Cid", "Dan"].map((displayName) => rig.callOnce("users.patch", { id, displayName })),
    ),
  );
  t.true(writes.every(({ status }) => status === "rejected"));
  t.is(await stateOf(rig), "closed");
  await thaw();
});

test.serial("a registry that comes back is asked at once", async (t) => {
  const rig = await circuitRig(t);
  const service = rig.broker.getLocalService("smtp-registry");
  const { schema } = service;
  await rig.broker.destroyService(service);
  for (let count = 0; count < circuitLimits.faultsMax; count += 1)
    await t.throwsAsync(createOnce(rig), { instanceOf: Unavailable });
  t.is(await stateOf(rig), "open");
  const { name, actions } = schema;
  rig.broker.createService({
    name,
    actions: {
      reserve: {
        ...(actions?.reserve as object),
        handler: () => Promise.reject(new Refusal("not-found", "x")),
      },
    },
  });
  await eventually(() => assert.ok(rig.broker.registry.actions.isAvailable(`${name}.reserve`)));
  await t.throwsAsync(createOnce(rig), { instanceOf: Refusal });
  t.is(await stateOf(rig), "closed");
});
