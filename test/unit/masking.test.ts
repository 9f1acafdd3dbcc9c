import test from "ava";
import { setLogLevel } from "../../mixins/log/logging.ts";
import { maskAddresses, maskMembers, maskSecrets } from "../../mixins/log/masking.ts";
import { newKey } from "../../services/contracts/access-key.ts";
import { userFieldNames } from "../../services/contracts/user.ts";
import { testLogger } from "../support/logs.ts";
import { namesIn, personFinder } from "../support/personal-data.ts";

/** As PostgreSQL's driver and MikroORM tell it: the whole row in the message, and once more in its cause. */
function driverError(): Error {
  const text =
    "insert into \"users\" values ('Ann Lee', 'ann@example.com') - Key (key)=(ann@example.com) exists";
  const driver = Object.assign(new Error(text), {
    name: "error",
    code: "23505",
    table: "users",
    detail: text,
  });
  return Object.assign(new Error(text), { name: "DriverException", code: "23505", previous: driver });
}

function logged(write: (log: ReturnType<typeof testLogger>) => void): string {
  const written: string[] = [];
  write(testLogger({ written }));
  return written.join("");
}

test("an error of the database is logged with its kind, its place and its frames, and without the row", (t) => {
  const line = logged((log) => log.error({ err: driverError() }, "request failed"));
  t.notRegex(line, /Ann|ann@|example\.com/);
  t.like(JSON.parse(line), { err: { name: "DriverException", code: "23505", cause: { code: "23505" } } });
  t.regex(line, /table=users/);
  t.regex(line, /masking\.test\.ts:\d+/);
});

test("an error is masked however it comes to the logger", (t) => {
  const error = driverError();
  for (const write of [
    (log: ReturnType<typeof testLogger>) => log.error(error),
    (log: ReturnType<typeof testLogger>) => log.error({ err: error }),
    (log: ReturnType<typeof testLogger>) => log.error({ error, nested: { error } }, "failed"),
    // As Moleculer does: (text, error), and (error, command, packet).
    (log: ReturnType<typeof testLogger>) => log.error("Unable to go on.", error as never),
    (log: ReturnType<typeof testLogger>) => log.error(error, "REQ", { payload: { displayName: "Ann Lee" } }),
    (log: ReturnType<typeof testLogger>) =>
      log.warn({ reason: new SyntaxError('"Ann Lee" is not JSON') }, "bad"),
  ]) {
    const line = logged(write);
    t.notRegex(line, /Ann|ann@|example\.com/);
    t.true(line.endsWith("\n") && JSON.parse(line) !== null);
  }
});

test("messages that can't quote anybody are kept: the code's own, and the operating system's", (t) => {
  const refused = Object.assign(new Error("connect ECONNREFUSED 127.0.0.1:5432"), {
    errno: -111,
    syscall: "connect",
    code: "ECONNREFUSED",
  });
  const error = new Error("Cannot make the bus: it is closed", { cause: refused });
  const { err } = JSON.parse(logged((log) => log.error({ err: error }, "x")));
  t.is(err.message, "Cannot make the bus: it is closed");
  t.is(err.cause.message, "connect ECONNREFUSED 127.0.0.1:5432");
  const missing: unknown = undefined;
  const defect = t.throws(() => (missing as { displayName: string }).displayName);
  t.is(
    JSON.parse(logged((log) => log.error(defect))).msg,
    "Cannot read properties of undefined (reading 'displayName')",
  );
});

test("personal members are masked at any depth, and a line without any is not copied", (t) => {
  const plain = { route: "/users", status: 200, list: [1, { name: "users" }] };
  t.is(maskMembers(plain), plain);
  t.deepEqual(maskMembers({ a: [{ user: { displayName: "Ann" } }, { q: "ann", b: null }], data: "x" }), {
    a: [{ user: "***" }, { q: "***", b: null }],
    data: "***",
  });
  const deep = { a: { b: { c: { d: { e: { f: { g: { h: "Ann" } } } } } } } };
  t.notRegex(JSON.stringify(maskMembers(deep)), /Ann/);
});

test("each field that a client writes of a user is masked under its name", (t) => {
  const user = Object.fromEntries(userFieldNames.map((name) => [name, "Ann"]));
  t.deepEqual(Object.values(maskMembers(user) as object), Array(userFieldNames.length).fill("***"));
});

test("an address is masked as a whole wherever it stands, and a scoped package is none", (t) => {
  for (const [line, masked] of [
    [`{"msg":"ann@example.com is taken"}`, `{"msg":"***@*** is taken"}`],
    [`{"msg":"o'brien@example.com"}`, `{"msg":"***@***"}`],
    [`{"url":"/smtp/ann%40example.com"}`, `{"url":"***@***"}`],
    [`{"msg":"Key (key)=(zoë.ö@müller.example)"}`, `{"msg":"Key (key)=(***@***)"}`],
    [
      `at f (/app/node_modules/@mikro-orm/core/x.js:1:2)`,
      `at f (/app/node_modules/@mikro-orm/core/x.js:1:2)`,
    ],
  ] as const)
    t.is(maskAddresses(line), masked);
});

test("a key and what shows who somebody is leave in no line, also where personal data may", (t) => {
  const { key, id } = newKey();
  const cut = key.slice(0, -3);
  const line = JSON.stringify({
    msg: `with ${key} and ${cut}`,
    headers: { authorization: `Bearer "${key}`, "x-proxy-secret": "s" },
  });
  const masked = maskSecrets(line);
  t.deepEqual(JSON.parse(masked), {
    msg: `with mrk_live_${id}_*** and mrk_live_${id}_***`,
    headers: { authorization: "***", "x-proxy-secret": "***" },
  });
  const lines: Record<string, unknown>[] = [];
  testLogger({ lines, level: "info" }).info({ headers: { authorization: "Bearer x" } }, key);
  t.notRegex(JSON.stringify(lines), /Bearer/);
  t.false(JSON.stringify(lines).includes(key));
});

test("a line of 100,000 characters is masked in linear time", (t) => {
  const startedAt = performance.now();
  maskAddresses(`@ ${"x".repeat(100_000)}`);
  t.true(performance.now() - startedAt < 500);
});

test("the level can be changed for a logger and everything that was made of it", (t) => {
  const lines: Record<string, unknown>[] = [];
  const log = testLogger({ lines, level: "info" });
  const child = log.child({ service: "users" });
  child.debug("unheard");
  setLogLevel(log, "debug");
  child.debug("heard");
  setLogLevel(log, "error");
  child.warn("unheard");
  t.deepEqual(
    lines.map(({ msg }) => msg),
    ["heard"],
  );
});

test("the look through the logs finds the tests' names and any address, and takes no mask for one", (t) => {
  const names = namesIn(['{ displayName: "Ann Lee" }', `{"displayName":"Bea","x":1}`, 'displayName: "x"']);
  t.deepEqual(names, ["Ann Lee", "Bea"]);
  const find = personFinder(names);
  t.is(find(`{"msg":"x Ann Lee y"}`), "Ann Lee");
  t.is(find(`{"sql":"like '%ann lee%'"}`), "ann lee");
  t.is(find(`{"msg":"Bea"}`), "Bea");
  t.is(find(`{"msg":"/smtp/bob%40example.com"}`), "/smtp/bob%40example.com");
  t.is(find(`{"msg":"***@*** in /node_modules/@mikro-orm/core, Beast, bea"}`), undefined);
});
