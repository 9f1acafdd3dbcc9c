/** An import as its command runs it, against a gateway: what becomes of each row, and that a repeat writes nothing. */

import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import test, { type ExecutionContext } from "ava";
import type { GatewayRequest } from "../../mixins/http/patient-client.ts";
import type { ImportOptions } from "../../mixins/import/judge.ts";
import { importRows, type RowResult } from "../../mixins/import/run.ts";
import { gatewayClient } from "../../services/commands/http-client.ts";
import { openRows, surveyOf } from "../../services/commands/import/file.ts";
import { contractWishes } from "../../services/commands/import/wishes.ts";
import { makeKey } from "../support/keys.ts";
import { done, type Rig, rigOf, startRig } from "../support/rig.ts";

let rig: Rig;
const folder = mkdtempSync(join(tmpdir(), "import-"));
test.before(async () => {
  rig = await startRig({ services: ["gateway", "users", "smtp-registry"] });
});
test.after.always(async () => {
  await rig.stop();
  rmSync(folder, { recursive: true });
});

interface Order extends Partial<ImportOptions> {
  /** Another file gives other idempotency keys: as a run after they have been forgotten. */
  readonly keyPrefix?: string;
  readonly correlationId?: string;
  /** Sees each request before it is sent. */
  readonly before?: (asked: GatewayRequest) => Promise<void> | void;
  /** Of another gateway than the test's. */
  readonly url?: string;
  readonly token?: string;
  /** Stops in the middle, as a kill does. */
  readonly until?: number;
}
let files = 0;

async function run(t: ExecutionContext, content: string, order: Order = {}): Promise<RowResult[]> {
  files += 1;
  const path = join(folder, `${files}.csv`);
  writeFileSync(path, content);
  const { url = rig.url, token } = order;
  const client = gatewayClient({ url, token, doing: "import" });
  t.teardown(() => client.close());
  const { digest } = await surveyOf({ path });
  const source = await openRows({ path });
  const { onTaken = "refuse", key, dryRun = false, correlationId = "import-test" } = order;
  const results: RowResult[] = [];
  const asking = {
    request: async (asked: GatewayRequest) => {
      await order.before?.(asked);
      return client.request(asked);
    },
  };
  const options = { onTaken, key, dryRun };
  const keyPrefix = order.keyPrefix ?? digest.slice(0, 32);
  const importing = { client: asking, wishes: contractWishes, options, keyPrefix, correlationId };
  for await (const result of importRows(importing, source.rows)) {
    results.push(result);
    if (results.length === order.until) break;
  }
  return results;
}

const outcomes = (results: readonly RowResult[]): string[] => results.map(({ outcome }) => outcome);
const reasons = (results: readonly RowResult[]) => results.map(({ reason }) => reason);
const header = "displayName,primarySmtp,secondarySmtps,externalId\n";
/** Of a domain, as `name <primary> secondaries [id]`. */
const directory = async (domain: string): Promise<string[]> => {
  const { rows } = await rig.usersDb.query(
    "select display_name, primary_smtp, secondary_smtps, external_id from users where primary_smtp like $1 and deleted_at is null",
    [`%@${domain}`],
  );
  return rows
    .map((row) => `${row.display_name} <${row.primary_smtp}> ${row.secondary_smtps} [${row.external_id}]`)
    .sort();
};
const writes = async (correlationId: string): Promise<number> => {
  const { rows } = await rig.usersDb.query(
    "select count(*)::int as count from outbox where correlation_id = $1",
    [correlationId],
  );
  return rows[0].count;
};

test("each row has its outcome in the order of the file, bad ones a reason, and the rest goes on", async (t) => {
  await done(rig, "POST", "/users", { displayName: "Old", primarySmtp: "old@one.example" });
  const results = await run(
    t,
    `${header}Ann,ann@one.example,a@one.example,\nBo,old@one.example,,\n,ci@one.example,,\nDi,di at one.example,,\nEd,ed@one.example,a@one.example,\nFi,fi@one.example,,\n`,
  );
  t.deepEqual(outcomes(results), ["created", "refused", "refused", "refused", "refused", "created"]);
  t.regex(
    reasons(results)[1] ?? "",
    /^primarySmtp old@one\.example belongs to another user \(user [\da-f-]{36}\)$/,
  );
  t.is(reasons(results)[2], "displayName is missing");
  t.regex(reasons(results)[3] ?? "", /^primarySmtp di at one\.example must have the form local@domain$/);
  t.is(reasons(results)[4], "the address a@one.example is also in line 2, which comes first");
});

const people = (domain: string): string =>
  header +
  Array.from({ length: 250 }, (_, index) => {
    const twin = index % 10 === 9 ? index - 9 : index;
    return `P${index},p${twin}@${domain},${index % 3 === 0 ? `s${index}@${domain}` : ""},${domain}-${index}\n`;
  }).join("");

test("the same file again writes nothing, also when every idempotency key is forgotten", async (t) => {
  const content = people("two.example");
  const first = await run(t, content);
  t.is(first.filter(({ outcome }) => outcome === "created").length, 225);
  const before = await directory("two.example");
  for (const keyPrefix of [undefined, "forgotten"])
    for (const key of [undefined, "externalId"] as const) {
      const correlationId = `again-${keyPrefix}-${key}`;
      const again = await run(t, content, { ...(keyPrefix && { keyPrefix }), key, correlationId });
      t.is(again.filter(({ outcome }) => outcome === "unchanged").length, 225);
      t.is(again.filter(({ outcome }) => outcome === "refused").length, 25);
      t.is(await writes(correlationId), 0);
    }
  t.deepEqual(await directory("two.example"), before);
});

test("a run that was stopped anywhere is gone on with, and ends as one that was not", async (t) => {
  const first = await run(t, people("whole.example"));
  t.is(first.filter(({ outcome }) => outcome === "created").length, 225);
  const whole = await directory("whole.example");
  const content = people("part.example");
  for (const until of [1, 40, 77, 130]) await run(t, content, { until });
  const last = await run(t, content);
  t.deepEqual(
    [...new Set(outcomes(last))].sort().filter((outcome) => outcome !== "created"),
    ["refused", "unchanged"],
  );
  const part = (await directory("part.example")).map((row) =>
    row.replaceAll("part.example", "whole.example"),
  );
  const beyond = (some: readonly string[], others: readonly string[]) =>
    some.filter((row) => !others.includes(row));
  t.deepEqual([beyond(part, whole), beyond(whole, part), part.length], [[], [], whole.length]);
});

test("of two rows with one address the first one of the file has it, though both are in hand at once", async (t) => {
  const rows = Array.from({ length: 40 }, (_, index) => `N${index},same@order.example,,o-${index}\n`);
  const results = await run(t, header + rows.join(""), {
    // The first one is the slowest.
    before: ({ method, body }) =>
      method === "POST" && (body as { displayName?: string }).displayName === "N0"
        ? new Promise((resolve) => setImmediate(resolve))
        : undefined,
  });
  t.deepEqual([...new Set(outcomes(results.slice(1)))], ["refused"]);
  t.deepEqual(await directory("order.example"), ["N0 <same@order.example>  [o-0]"]);
});

test("where it can't be told how a row ended nobody behind it asks for its address", async (t) => {
  const asked: unknown[] = [];
  const rows = ["N0", "N1", "N2"].map((name) => `${name},same@cut.example,,\n`).join("");
  const cut = run(t, header + rows, {
    before({ path, body }) {
      if (path !== "/users") return;
      asked.push((body as { displayName?: string }).displayName);
      throw new Error("cut");
    },
  });
  await t.throwsAsync(cut, { message: "cut" });
  t.deepEqual(asked, ["N0"]);
});

test("with suffixes each namesake has an address, and the repeat finds them, with keys and without", async (t) => {
  const content = `${header}Ann,ann@suffix.example,,\nAnn,ann@suffix.example,,\nBo,ann@suffix.example,,\nAnn,ann@suffix.example,,\n`;
  const order = { onTaken: "suffix" } as const;
  t.deepEqual(outcomes(await run(t, content, order)), ["created", "suffixed", "suffixed", "suffixed"]);
  const before = await directory("suffix.example");
  t.is(before.length, 4);
  for (const keyPrefix of ["other-keys", undefined]) {
    const again = await run(t, content, { ...order, ...(keyPrefix && { keyPrefix }) });
    t.deepEqual(outcomes(again), ["unchanged", "unchanged", "unchanged", "unchanged"]);
  }
  t.deepEqual(await directory("suffix.example"), before);
});

test("by a key whoever is there is changed, and keeps what the file does not name", async (t) => {
  const content = (name: string, address: string) => `${header}${name},${address},,key-1\n`;
  await run(t, content("Ann", "ann@key.example"));
  const changed = content("Ann Lee", "ann.lee@key.example");
  t.deepEqual(outcomes(await run(t, changed)), ["refused"], "nobody is changed without a key");
  const order = { key: "externalId", correlationId: "import-key" } as const;
  t.deepEqual(outcomes(await run(t, changed, order)), ["changed"]);
  t.deepEqual(outcomes(await run(t, changed, { ...order, keyPrefix: "later" })), ["unchanged"]);
  t.is(await writes("import-key"), 1);
  t.deepEqual(await directory("key.example"), ["Ann Lee <ann.lee@key.example> ann@key.example [key-1]"]);
  const byAddress = `${header}Ann L.,ann.lee@key.example,more@key.example,\n`;
  t.deepEqual(outcomes(await run(t, byAddress, { key: "primarySmtp" })), ["changed"]);
});

test("a user that others change meanwhile is looked at once more, not overwritten", async (t) => {
  await run(t, `${header}Ann,ann@race.example,,race-1\n`);
  const [user] = (await rig.http("GET", "/users?externalId=race-1")).body.items;
  let isFirst = true;
  const results = await run(t, `${header}Ann Lee,ann@race.example,new@race.example,race-1\n`, {
    key: "externalId",
    before: async ({ method }) => {
      if (method !== "PATCH" || !isFirst) return;
      isFirst = false;
      const other = { secondarySmtps: ["theirs@race.example"] };
      await done(rig, "PATCH", `/users/${user.id}`, other);
    },
  });
  t.deepEqual(outcomes(results), ["changed"]);
  t.deepEqual(await directory("race.example"), [
    "Ann Lee <ann@race.example> theirs@race.example,new@race.example [race-1]",
  ]);
});

test("a user who was deleted after a run is told as one, and comes again when the address is free", async (t) => {
  const content = `${header}Ann,ann@gone.example,,gone-1\n`;
  await run(t, content);
  const [user] = (await rig.http("GET", "/users?externalId=gone-1")).body.items;
  await done(rig, "DELETE", `/users/${user.id}`);
  const [result] = await run(t, content);
  t.is(result?.outcome, "refused");
  t.regex(result?.reason ?? "", /belonged to a user who was deleted, and a restore gets it back/);
  await rig.usersDb.query(
    "update address_keys set deleted_at = now() - interval '10 years' where user_id = $1",
    [user.id],
  );
  await rig.usersDb.query("update users set deleted_at = now() - interval '10 years' where id = $1", [
    user.id,
  ]);
  await rig.registryDb.query("delete from addresses where user_id = $1", [user.id]);
  t.deepEqual(outcomes(await run(t, content)), ["created"], "not taken for the first answer under its key");
});

test("a dry run says what a run then does, and leaves nothing", async (t) => {
  const content = `${people("dry.example")}Blocked,postmaster@dry.example,,\n`;
  const dry = await run(t, content, { dryRun: true, correlationId: "import-dry" });
  t.deepEqual(await directory("dry.example"), []);
  t.is(await writes("import-dry"), 0);
  const real = await run(t, content);
  t.deepEqual(outcomes(dry), outcomes(real));
  t.is(reasons(dry).at(-1), "primarySmtp postmaster@dry.example is a name that nobody may have");
});

test("a caller who has used up its idempotency keys and its minute brings everybody in, and again nobody", async (t) => {
  const environment = {
    AUTH: "required",
    IDEMPOTENCY_KEYS_MAX: "20",
    // A create every fifth of a second, as soon as the minute that one has is used up.
    HTTP_UNITS_PER_MINUTE_MAX: "600",
  };
  const limited = await rigOf(t, {
    services: ["gateway", "users", "smtp-registry", "access"],
    environment,
    limits: { keysEveryMs: 50 },
  });
  const { key: token } = await makeKey(limited, "mail-admin");
  const rows = Array.from({ length: 310 }, (_, index) => `N${index},n${index}@limit.example,,l-${index}\n`);
  const order = { url: limited.url, token };
  for (const expected of ["created", "unchanged"]) {
    const results = await run(t, header + rows.join(""), order);
    t.deepEqual([...new Set(outcomes(results))], [expected], reasons(results).filter(Boolean).join());
  }
  const { rows: users } = await limited.usersDb.query("select count(*)::int as count from users");
  t.is(users[0].count, 310);
});

test("a create whose answer is lost is told as one, with its key and without", async (t) => {
  const lost = new Set<string>();
  let kept = 0;
  const proxy = createServer(async (req, res) => {
    const body = await text(req);
    const isCreate = req.method === "POST" && req.url === "/users";
    const headers: Record<string, string> = { "content-type": "application/json" };
    const key = req.headers["idempotency-key"];
    // The second half of the file has no keys.
    if (isCreate && JSON.parse(body).externalId > "x-4") kept += 1;
    else if (key !== undefined) headers["idempotency-key"] = String(key);
    const answer = await fetch(`${rig.url}${req.url}`, {
      method: req.method ?? "GET",
      headers,
      ...(body === "" ? {} : { body }),
    });
    if (isCreate && !lost.has(body)) {
      lost.add(body);
      req.socket.destroy();
      return;
    }
    res.writeHead(answer.status, Object.fromEntries(answer.headers)).end(await answer.text());
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  t.teardown(() => {
    proxy.closeAllConnections();
    proxy.close();
  });
  const { port } = proxy.address() as AddressInfo;
  const rows = Array.from({ length: 10 }, (_, index) => `N${index},n${index}@lost.example,,x-${index}\n`);
  const results = await run(t, header + rows.join(""), { url: `http://127.0.0.1:${port}` });
  t.is(lost.size, 10);
  t.true(kept > 0);
  t.deepEqual([...new Set(outcomes(results))], ["created"]);
  t.is((await directory("lost.example")).length, 10);
});
