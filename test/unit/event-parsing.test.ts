import test from "ava";
import { parseEvent } from "../../mixins/bus/event-parsing.ts";
import { isErasure, UserEvent } from "../../services/contracts/events.ts";

const id = "01a20a45-da8f-7055-a2d5-502c29c77490";
/** Only what the public contract names. */
const minimal = {
  specversion: "1.0",
  id: "82c8dc52-592b-407f-9c8d-e076d283f55f",
  source: "/elsewhere",
  type: "user.created.v1",
  subject: id,
  time: "2026-11-23T12:00:00+02:00",
  correlationid: "abc",
  sequence: 1,
  data: {
    user: {
      id,
      displayName: "Ann",
      primarySmtp: "ann@example.com",
      secondarySmtps: [],
      version: 1,
      createdAt: "2026-11-23T10:00:00Z",
      updatedAt: "2026-11-23T10:00:00Z",
    },
  },
};

const parse = (body: string | Uint8Array) =>
  parseEvent({
    messageId: undefined,
    routingKey: "user.created.v1",
    correlationId: undefined,
    attempts: 0,
    body: typeof body === "string" ? new TextEncoder().encode(body) : body,
  });

const faultOf = (event: unknown): string => {
  const parsed = parse(typeof event === "string" ? event : JSON.stringify(event));
  return parsed.ok ? "none" : `${parsed.reason}: ${parsed.error}`;
};

test("an event with no more than the contract names is taken, its time in UTC", (t) => {
  const parsed = parse(JSON.stringify(minimal));
  t.true(parsed.ok);
  if (!parsed.ok || isErasure(parsed.event)) return;
  t.is(parsed.event.time, "2026-11-23T10:00:00.000Z");
  t.deepEqual(
    [parsed.event.actor, parsed.event.data.changes, parsed.event.data.user.deletedAt],
    ["anonymous", [], null],
  );
});

test("a sequence may be the string that its CloudEvents extension says", (t) => {
  t.is(UserEvent.parse({ ...minimal, sequence: "1" }).sequence, 1);
});

test("what no database could keep is refused at once, whatever it is", (t) => {
  const user = minimal.data.user;
  t.regex(faultOf({ ...minimal, sequence: 2 ** 31 }), /^invalid-event: sequence/);
  t.regex(faultOf({ ...minimal, time: "0000-01-01T00:00:00Z" }), /^invalid-event: time/);
  t.regex(faultOf({ ...minimal, actor: "a\u0000b" }), /^invalid-event: .*NUL/);
  t.regex(faultOf(JSON.stringify(minimal).replace("abc", "\\ud800")), /^invalid-event: .*surrogate/);
  t.regex(faultOf({ ...minimal, sequence: 2 }), /^invalid-event: sequence/);
  t.regex(faultOf({ ...minimal, data: { user: { ...user, id: minimal.id } } }), /^invalid-event: subject/);
});

test("a body nested deeper than any stack is judged like another", (t) => {
  const depth = 100_000;
  const nested = (inner: string) =>
    JSON.stringify(minimal).replace('"abc"', `"abc","more":${"[".repeat(depth)}${inner}${"]".repeat(depth)}`);
  t.regex(faultOf(nested('"\\u0000"')), /^invalid-event: .*NUL/);
  t.is(faultOf(nested('"\\ud83d\\ude00"')), "none");
});

test("a backslash before u0000 in a name is only a text", (t) => {
  const user = { ...minimal.data.user, displayName: "\\u0000" };
  t.is(faultOf({ ...minimal, data: { user } }), "none");
});

test("a version without room for another is refused: its user could never be written again", (t) => {
  const at = (version: number) => ({
    ...minimal,
    sequence: version,
    data: { user: { ...minimal.data.user, version } },
  });
  const last = 2 ** 31 - 1;
  for (const version of [last, last - 999_999])
    t.is(faultOf(at(version)), "invalid-event: sequence: too close to the last version that there is");
  t.is(faultOf(at(last - 1_000_000)), "none");
});
