/** What narrows the audit log: who, what, when, and in which order it is told. */
import { randomUUID } from "node:crypto";
import test from "ava";
import type { ActionInput } from "../../services/contracts/actions.ts";
import { outgoing, userEvent } from "../support/events.ts";
import { eventually } from "../support/eventually.ts";
import { type Rig, rigOf } from "../support/rig.ts";

const at = (minute: number): string => `2026-03-01T10:0${minute}:00.000Z`;
const people = [randomUUID(), randomUUID()];
/** One a minute; two actors by turns, the last two deletions. */
const told = Array.from({ length: 6 }, (_, minute) =>
  userEvent({
    userId: people[minute % 2] as string,
    version: Math.floor(minute / 2) + 1,
    type: minute < 2 ? "user.created.v1" : minute < 4 ? "user.updated.v1" : "user.deleted.v1",
    actor: minute % 2 === 0 ? "key:one" : "key:two",
    time: at(minute),
  }),
);

async function filled(t: Parameters<typeof rigOf>[0], services?: Parameters<typeof rigOf>[1]): Promise<Rig> {
  const rig = await rigOf(t, services);
  await rig.bus.publish(told.map(outgoing));
  await eventually(async () => {
    const { rows } = await rig.usersDb.query("select from audit_entries");
    if (rows.length < told.length) throw new Error(`${rows.length} entries`);
  });
  return rig;
}

test("from is the first moment and to the first that is not, and filters count together", async (t) => {
  const rig = await filled(t, { services: ["audit"] });
  const minutes = async (query: ActionInput<"audit.list">) =>
    (await rig.call("audit.list", query)).items.map((entry) => Number(entry.at.slice(15, 16)));
  t.deepEqual(await minutes({}), [0, 1, 2, 3, 4, 5]);
  t.deepEqual(await minutes({ order: "desc" }), [5, 4, 3, 2, 1, 0]);
  t.deepEqual(await minutes({ from: at(2), to: at(4) }), [2, 3]);
  t.deepEqual(await minutes({ from: "2026-03-01T11:04:00+01:00" }), [4, 5]);
  t.deepEqual(await minutes({ actor: "key:two", order: "desc" }), [5, 3, 1]);
  t.deepEqual(await minutes({ action: "user.deleted" }), [4, 5]);
  t.deepEqual(await minutes({ action: "user.updated", actor: "key:one", from: at(1), to: at(3) }), [2]);
  t.deepEqual(await minutes({ userId: people[1], order: "desc", to: at(5) }), [3, 1]);
  t.deepEqual(await minutes({ actor: "key:th\0ree" }), []);
  t.deepEqual(
    await minutes({ from: "0000-01-01T00:00:00Z", to: "9999-12-31T23:59:59-14:00" }),
    [0, 1, 2, 3, 4, 5],
  );
  t.deepEqual(await minutes({ from: at(2), to: at(2) }), []);
});

test("pages go on in either order, without a gap and with every filter", async (t) => {
  const rig = await filled(t, { services: ["audit"] });
  for (const query of [
    { order: "desc" },
    { order: "asc", actor: "key:one" },
    { order: "desc", actor: "key:one", to: at(5) },
    { order: "desc", userId: people[0] },
  ] as const) {
    const all = (await rig.call("audit.list", query)).items;
    const paged = [];
    let cursor: string | null = null;
    do {
      const page: { items: unknown[]; nextCursor: string | null } = await rig.call("audit.list", {
        ...query,
        limit: 1,
        ...(cursor === null ? {} : { cursor }),
      });
      paged.push(...page.items);
      cursor = page.nextCursor;
    } while (cursor !== null && paged.length < 10);
    t.deepEqual(paged, all, JSON.stringify(query));
  }
});

test("over HTTP: what is no time, no action and no order is refused, and the next page has the same filters", async (t) => {
  const rig = await filled(t);
  for (const [query, parameter] of [
    ["from=yesterday", "from"],
    ["to=2026-03-01", "to"],
    ["action=user.burnt", "action"],
    ["order=newest", "order"],
    ["actor=", "actor"],
    [`actor=${"a".repeat(129)}`, "actor"],
    [`from=${at(3)}&to=${at(2)}`, "to"],
    ["since=2026-03-01T10:00:00Z", "since"],
  ]) {
    const { status, body } = await rig.http("GET", `/audit?${query}`);
    t.is(status, 422, query);
    t.is(body.errors[0].parameter, parameter, query);
  }
  const first = await rig.http("GET", `/audit?actor=key%3Aone&order=desc&limit=2&from=${at(0)}`);
  t.is(first.body.items.length, 2);
  const next = /<([^>]+)>; rel="next"/.exec(first.headers.get("link") ?? "")?.[1];
  const second = await rig.http("GET", next ?? "/");
  t.deepEqual(
    second.body.items.map((entry: { at: string }) => entry.at),
    [at(0)],
  );
});
