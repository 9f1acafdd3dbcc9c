/** What the log says when a row with a person in it fails where nobody expected it. */
import test from "ava";
import { eventually } from "../support/eventually.ts";
import { lettersOf } from "../support/letters.ts";
import { type Rig, rigOf } from "../support/rig.ts";

const person = { displayName: "Ann Example", primarySmtp: "ann.example@one.example" };

const refuseRows = (table: string, column: string): string => `
  create function quote_row() returns trigger language plpgsql as
    $$ begin raise exception 'no room for % in %', new.${column}, '${table}'; end $$;
  create trigger quote_row before insert or update on ${table} for each row execute function quote_row()`;

const create = (rig: Rig, correlationId: string) =>
  rig.http("POST", "/users", person, { "x-correlation-id": correlationId });

test("a defect that quotes the row is logged with the request's id, and shows neither name nor address", async (t) => {
  const rig = await rigOf(t, { environment: { LOG_LEVEL: "trace" } });
  await rig.usersDb.query(refuseRows("users", "display_name"));
  const answer = await create(rig, "quoted-1");
  t.is(answer.status, 500);
  t.notRegex(JSON.stringify(answer.body), /Ann|ann\./);
  const told = rig.lines.filter(({ level }) => level === "error");
  t.like(told, [{ correlationId: "quoted-1", service: "gateway", msg: "request failed" }]);
  t.regex(JSON.stringify(told), /P0001/);
  t.regex(JSON.stringify(told), /commit\.ts:\d+/, "the frames lead to the place");
  t.notRegex(JSON.stringify(rig.lines), /Ann Example|ann\.example/i);
});

test("an event that fails in its consumer's database is logged without the person that it tells of", async (t) => {
  const rig = await rigOf(t);
  await rig.registryDb.query(refuseRows("watermarks", "user_id"));
  await rig.usersDb.query(refuseRows("audit_entries", "changes"));
  const { status } = await create(rig, "quoted-2");
  t.is(status, 201);
  t.like(
    rig.lines.find(({ msg }) => msg === "user changed"),
    { correlationId: "quoted-2", version: 1, displayName: "***", primarySmtp: "***" },
  );
  await lettersOf(rig, 2);
  await eventually(() => {
    if (!rig.lines.some(({ msg }) => msg === "Event dead-lettered")) throw new Error("not dead yet");
  });
  const failed = rig.lines.filter(({ msg }) => msg === "event failed in its consumer");
  t.true(failed.length > 0);
  for (const line of failed) t.is(line.correlationId, "quoted-2");
  t.notRegex(JSON.stringify(rig.lines), /Ann Example|ann\.example/i);
});
