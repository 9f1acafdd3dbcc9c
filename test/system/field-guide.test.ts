/** docs/guides/adding-an-endpoint.md does what it says: a field that is added in its steps is everywhere. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import type { Change } from "../../services/contracts/events.ts";
import { eventually } from "../support/eventually.ts";
import { runBlocks, sectionsOf, workingCopy } from "../support/executable-page.ts";
import { repositoryRoot } from "../support/gate/run-tool.ts";
import type { Rig } from "../support/rig.ts";

const ann = { displayName: "Ann Example", primarySmtp: "ann@nick.example" };

/** The relay takes an event out of the outbox as soon as it is there. */
const keepEvents = `
  create table kept_events (place bigint, body text);
  create function keep_event() returns trigger language plpgsql as
    $$ begin insert into kept_events values (new.id, new.body); return new; end $$;
  create trigger keep_event after insert on outbox for each row execute function keep_event()`;

const client = (t: ExecutionContext, rig: Rig) => async (method: string, path: string, body?: unknown) => {
  const answer = await rig.http(method, path, body);
  t.true(answer.status < 300, JSON.stringify(answer.body));
  return answer.body;
};

/** Through create, replace and patch to each value and to none; what became of it, change by change. */
async function liveWith(t: ExecutionContext, rig: Rig) {
  const call = client(t, rig);
  const { id, nickname } = await call("POST", "/users", { ...ann, nickname: " Zedling " });
  const path = `/users/${id}`;
  t.is(nickname, "Zedling");
  t.is((await call("GET", path)).nickname, "Zedling");
  t.is((await call("GET", "/users?q=ZEDL")).items[0]?.nickname, "Zedling");
  t.is((await call("PUT", path, ann)).nickname, "Zedling", "a replace of before the field keeps it");
  t.is((await call("PUT", path, { ...ann, nickname: "Zedrick" })).nickname, "Zedrick");
  t.is((await call("PATCH", path, { displayName: "Ann Other" })).nickname, "Zedrick");
  t.is((await call("PATCH", path, { nickname: null })).nickname, null);
  const whole = await call("GET", path);
  t.deepEqual(await call("PUT", path, whole), whole, "what was read and is sent back changes nothing");
  t.is((await call("PATCH", path, { nickname: "Zedwin" })).nickname, "Zedwin");
  const refused = await rig.http("PATCH", path, { nickname: "\u202eZed" });
  t.is(refused.status, 422);
  t.is(refused.body.errors[0].pointer, "#/nickname");
  const steps = [null, "Zedling", "Zedrick", null, "Zedwin"];
  const changes = steps.slice(1).map((to, index) => ({ field: "nickname", from: steps[index], to }));
  return { id, changes };
}

const ofNickname = (told: readonly { changes: readonly Change[] }[]): Change[] =>
  told.flatMap(({ changes }) => changes).filter(({ field }) => field === "nickname");

test("the guide adds an optional field, and requests, answers, events, audit log, search and masking have it", async (t) => {
  const page = readFileSync(join(repositoryRoot, "docs/guides/adding-an-endpoint.md"), "utf8");
  const copy = await workingCopy();
  t.teardown(copy.remove);
  t.deepEqual(await runBlocks(sectionsOf(page).get("An optional field") ?? [], copy.folder), []);

  const load = (path: string) => import(join(copy.folder, path));
  const { rigOf } = await load("test/support/rig.ts");
  const rig: Rig = await rigOf(t, { environment: { LOG_LEVEL: "trace" } });
  await rig.usersDb.query(keepEvents);
  const { id, changes } = await liveWith(t, rig);

  const { rows } = await rig.usersDb.query("select body from kept_events order by place");
  const events = rows.map(({ body }) => JSON.parse(body).data);
  t.deepEqual(ofNickname(events), changes);
  t.is(events.at(-1).user.nickname, "Zedwin");
  await eventually(async () => {
    const { items } = await client(t, rig)("GET", `/audit?userId=${id}`);
    if (items.length < events.length) throw new Error("The audit log waits for events");
    t.deepEqual(ofNickname(items), changes);
  });

  const { maskMembers } = await load("mixins/log/masking.ts");
  t.deepEqual(maskMembers({ row: { nickname: "Zedling" } }), { row: { nickname: "***" } });
  t.true(rig.lines.some(({ msg }) => msg === "user changed"));
  t.notRegex(JSON.stringify(rig.lines), /Zed/);
});
