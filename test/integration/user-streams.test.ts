/** `GET /users` as CSV and NDJSON: all users that the filters take, as fast as they are read. */
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import anyTest, { type ExecutionContext } from "ava";
import { Errors, type ServiceSchema } from "moleculer";
import { formulaSafe } from "../../services/contracts/csv-cells.ts";
import { ListedUser } from "../../services/contracts/user-lists.ts";
import { eventually } from "../support/eventually.ts";
import { bearer, makeKey } from "../support/keys.ts";
import { type Instance, type Rig, rigOf, startGateway } from "../support/rig.ts";

const test = anyTest.serial;
const csv = "text/csv";
const ndjson = "application/x-ndjson";

interface Streamed {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
  readonly isWhole: boolean;
}

/** The head of the answer; its lines are taken when somebody asks for them. */
async function open(
  port: number,
  path: string,
  headers: Record<string, string>,
  method = "GET",
): Promise<IncomingMessage> {
  const asked = request({ host: "127.0.0.1", port, path, method, headers, agent: false });
  asked.end();
  const [answer] = (await once(asked, "response")) as [IncomingMessage];
  asked.on("error", () => {});
  return answer;
}

function whole(answer: IncomingMessage): Promise<Streamed> {
  const chunks: Buffer[] = [];
  answer.on("data", (chunk: Buffer) => chunks.push(chunk));
  answer.on("error", () => {});
  return new Promise((resolve) => {
    answer.once("close", () =>
      resolve({
        status: answer.statusCode ?? 0,
        headers: answer.headers,
        text: Buffer.concat(chunks).toString(),
        isWhole: answer.complete,
      }),
    );
  });
}

const read = async (port: number, path: string, accept: string, headers: Record<string, string> = {}) =>
  whole(await open(port, path, { accept, ...headers }));

const items = (text: string): ListedUser[] =>
  text
    .split("\n")
    .slice(0, -1)
    .map((line) => ListedUser.parse(JSON.parse(line)));

const linesIn = (text: string): number => text.split("\n").length - 1;

/** In the users' rows alone, which is all that a list reads. */
const insertUsers = (rig: Rig, count: number) =>
  rig.usersDb.query(
    `insert into users (id, display_name, primary_smtp, secondary_smtps, version, created_at, updated_at, search_text)
     select ('0199aaaa-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'User ' || n, 'u' || n || '@many.example',
       array[]::text[], 1, now(), now(), 'user' from generate_series(1, $1::int) n`,
    [count],
  );

test("5,000 users come as they are in the pages, each once, in either form", async (t) => {
  const rig = await rigOf(t);
  await insertUsers(rig, 5_000);
  const answer = await read(rig.port, "/users", ndjson);
  t.is(answer.status, 200);
  t.is(answer.headers["content-type"], "application/x-ndjson");
  t.is(answer.headers.vary, "Accept");
  t.is(answer.headers.link, undefined);
  t.true(answer.isWhole);
  const all = items(answer.text);
  t.is(all.length, 5_000);
  t.is(new Set(all.map(({ id }) => id)).size, 5_000);
  const page = await rig.http("GET", "/users?limit=3");
  t.deepEqual(all.slice(0, 3), page.body.items);
  const rows = (await read(rig.port, "/users", csv)).text.split("\n");
  t.is(rows[0], "displayName,primarySmtp,secondarySmtps,externalId,userName,active");
  t.is(rows[5_000], "User 5000,u5000@many.example,,,,true");
  t.is(rows.length, 5_002);
});

test("a stream has whom the filters take, the deleted with the columns of an export, and no cell that is a formula", async (t) => {
  const rig = await rigOf(t);
  const create = (displayName: string, primarySmtp: string, more: object = {}) =>
    rig.call("users.create", { displayName, primarySmtp, ...more });
  await create("=1+1", "formula@a.example", { secondarySmtps: ["b@a.example", "a@a.example"] });
  const gone = await create("Gone", "gone@b.example", { externalId: "E-1" });
  await create("Bob", "bob@b.example");
  await rig.call("users.remove", { id: gone.id });
  const lines = async (query: string) => (await read(rig.port, `/users${query}`, csv)).text.split("\n");
  t.deepEqual(await lines("?domain=a.example"), [
    "displayName,primarySmtp,secondarySmtps,externalId,userName,active",
    `${formulaSafe("=1+1")},formula@a.example,a@a.example b@a.example,,,true`,
    "",
  ]);
  const [head, row] = await lines("?deleted=only&externalId=E-1");
  t.is(head, "displayName,primarySmtp,secondarySmtps,externalId,userName,active,id,deletedAt");
  t.true(row?.startsWith(`Gone,gone@b.example,,E-1,,true,${gone.id},20`));
  const names = items((await read(rig.port, "/users?q=bob", ndjson)).text).map(
    ({ primarySmtp }) => primarySmtp,
  );
  t.deepEqual(names, ["bob@b.example"]);
  t.is((await read(rig.port, "/users?smtp=nobody@b.example", ndjson)).text, "");
  for (const query of ["limit=5", "cursor=abc", "nonsense=1", "domain=-"]) {
    const refused = await read(rig.port, `/users?${query}`, csv);
    t.is(refused.status, 422, query);
    t.is(JSON.parse(refused.text).errors[0].parameter, query.split("=")[0]);
  }
});

test("what is wanted most is what comes; whoever takes anything, or nothing that there is, gets JSON", async (t) => {
  const rig = await rigOf(t, { services: ["gateway", "users"] });
  const typeOf = async (accept: string) => (await read(rig.port, "/users", accept)).headers["content-type"];
  for (const accept of ["*/*", "application/json", "text/html", "text/csv, application/json", "text/csv;q=0"])
    t.is(await typeOf(accept), "application/json; charset=utf-8", accept);
  for (const accept of [
    "text/csv",
    "Text/CSV; charset=utf-8",
    "text/csv, application/json;q=0.5",
    "text/csv, */*",
  ])
    t.is(await typeOf(accept), "text/csv; charset=utf-8; header=present", accept);
  t.is(await typeOf("text/csv;q=0.5, application/x-ndjson"), "application/x-ndjson");
  const head = await whole(await open(rig.port, "/users", { accept: csv }, "HEAD"));
  t.like(head, { status: 200, text: "", isWhole: true });
  t.is(head.headers["content-type"], "text/csv; charset=utf-8; header=present");
  const options = await whole(await open(rig.port, "/users", { accept: csv }, "OPTIONS"));
  t.is(options.headers.allow, "POST, GET, HEAD, OPTIONS");
});

test("who may export streams, on record before the first line; others hear which scope they lack; who is limited sees their own", async (t) => {
  const rig = await rigOf(t, { environment: { AUTH: "required" }, limits: { keysEveryMs: 50 } });
  for (const domain of ["a.example", "b.example"])
    await rig.call("users.create", { displayName: "Ann", primarySmtp: `ann@${domain}` });
  const keyOf = async (role: "viewer" | "auditor", domains?: string[]) => {
    const { key } = await makeKey(rig, role, domains === undefined ? {} : { domains });
    await eventually(async () => {
      const { status } = await rig.http("GET", "/users", undefined, bearer(key));
      if (status !== 200) throw new Error(`${status}`);
    });
    return bearer(key);
  };
  const refused = await read(rig.port, "/users", csv, await keyOf("viewer"));
  t.is(refused.status, 403);
  t.true(refused.headers["www-authenticate"]?.includes('scope="users:export"'));
  const auditor = await keyOf("auditor");
  t.is(items((await read(rig.port, "/users?deleted=include", ndjson, auditor)).text).length, 2);
  const { rows } = await rig.usersDb.query(
    "select scope, reason, allowed from activity where action = 'directory.export'",
  );
  t.deepEqual(rows, [
    { scope: "users:export", reason: "users as application/x-ndjson, by deleted", allowed: true },
  ]);
  const own = items((await read(rig.port, "/users", ndjson, await keyOf("auditor", ["b.example"]))).text);
  t.deepEqual(
    own.map(({ primarySmtp }) => primarySmtp),
    ["ann@b.example"],
  );
  await rig.broker.destroyService(rig.broker.getLocalService("access"));
  const unrecorded = await read(rig.port, "/users", csv, auditor);
  t.is(unrecorded.status, 503);
});

const user = (n: number): ListedUser => ({
  id: `0199aaaa-0000-7000-8000-${String(n).padStart(12, "0")}`,
  // Much to take, so that a reader who takes nothing fills what the kernel keeps.
  displayName: "n".repeat(20_000),
  primarySmtp: `u${n}@many.example`,
  secondarySmtps: [],
  active: true,
  version: 1,
  createdAt: "2026-01-01T00:00:00.000Z",
  updatedAt: "2026-01-01T00:00:00.000Z",
});

interface Asked {
  pages: number;
}

/** A list of so many pages of 4 MB; from `failsAt` on none can be had, for so often. */
function manyPages(pages: number, fault?: { failsAt: number; times: number }) {
  const asked: Asked = { pages: 0 };
  let left = fault?.times ?? 0;
  const schema: ServiceSchema = {
    name: "users",
    actions: {
      list(ctx) {
        const page = Number((ctx.params as { cursor?: string }).cursor ?? 0);
        if (fault !== undefined && page >= fault.failsAt && left > 0) {
          left -= 1;
          throw new Errors.ServiceNotAvailableError({ action: "users.list" } as never);
        }
        asked.pages += 1;
        return {
          items: Array.from({ length: 200 }, (_, n) => user(page * 200 + n)),
          nextCursor: page + 1 < pages ? String(page + 1) : null,
        };
      },
    },
  };
  return { asked, schema };
}

async function gatewayOf(
  t: ExecutionContext,
  schema: ServiceSchema,
  limits: NonNullable<Parameters<typeof startGateway>[0]>["limits"] = {},
): Promise<Instance> {
  const gateway = await startGateway({ standIns: [schema], limits });
  t.teardown(gateway.stop);
  return gateway;
}

const accepts = { accept: ndjson };

test("a reader that takes nothing has nothing more asked for it, and a slow one gets everything", async (t) => {
  const { asked, schema } = manyPages(10);
  const gateway = await gatewayOf(t, schema);
  const answer = await open(gateway.port, "/users", accepts);
  await eventually(() => {
    if (asked.pages === 0) throw new Error("Nothing is told");
  });
  // Whatever the kernel holds of it, it is not all.
  for (let n = 0; n < 20; n += 1) await gateway.http("GET", "/health/live");
  t.true(asked.pages < 10, `${asked.pages} pages`);
  const { text, isWhole } = await whole(answer);
  t.true(isWhole);
  t.is(linesIn(text), 2_000);
  t.is(asked.pages, 10);
});

test("a reader that keeps us waiting too long is cut off, and its place is another's", async (t) => {
  const { schema } = manyPages(10);
  const gateway = await gatewayOf(t, schema, { streamGraceMs: 0, streamsPerCallerMax: 1 });
  const answer = await open(gateway.port, "/users", accepts);
  const over = once(answer.socket, "close");
  await eventually(async () => {
    const next = await open(gateway.port, "/users", accepts);
    next.destroy();
    if (next.statusCode !== 200) throw new Error(`${next.statusCode}`);
  });
  const { isWhole } = await whole(answer);
  t.false(isWhole);
  await over;
});

test("a reader that hangs up ends its stream, and gives its place back", async (t) => {
  const { asked, schema } = manyPages(1_000);
  const gateway = await gatewayOf(t, schema, { streamsPerCallerMax: 2 });
  const streams = [await open(gateway.port, "/users", accepts), await open(gateway.port, "/users", accepts)];
  const refused = await read(gateway.port, "/users", ndjson);
  t.is(refused.status, 429);
  t.is(refused.headers["retry-after"], "1");
  t.is((await gateway.http("GET", "/users")).status, 200);
  for (const stream of streams) stream.destroy();
  await eventually(async () => {
    const next = await open(gateway.port, "/users", accepts);
    next.destroy();
    if (next.statusCode !== 200) throw new Error(`${next.statusCode}`);
  });
  t.true(asked.pages < 100);
  t.false(gateway.lines.some(({ level }) => level === "error" || level === "warn"));
});

test("more streams than the gateway has room for are refused with 503", async (t) => {
  const { schema } = manyPages(1_000);
  const gateway = await gatewayOf(t, schema, { streamsMax: 1 });
  const first = await open(gateway.port, "/users", accepts);
  t.is((await read(gateway.port, "/users", ndjson)).status, 503);
  first.destroy();
});

test("a page that can't be had for a moment is asked for again; for good, and the stream is cut so that its reader notices", async (t) => {
  const passing = await gatewayOf(t, manyPages(3, { failsAt: 1, times: 2 }).schema);
  const healed = await read(passing.port, "/users", ndjson);
  t.true(healed.isWhole);
  t.is(linesIn(healed.text), 600);
  const lasting = await gatewayOf(t, manyPages(3, { failsAt: 1, times: 1_000 }).schema);
  const cut = await read(lasting.port, "/users", ndjson);
  t.is(cut.status, 200);
  t.false(cut.isWhole);
  t.true(lasting.lines.some(({ msg }) => msg === "request could not be served"));
  const refused = await gatewayOf(t, manyPages(3, { failsAt: 0, times: 1_000 }).schema);
  t.is((await read(refused.port, "/users", ndjson)).status, 503);
});

test("a stop cuts what has not been taken by its time", async (t) => {
  const { schema } = manyPages(1_000);
  const gateway = await gatewayOf(t, schema, { drainMs: 100 });
  const answer = await open(gateway.port, "/users", accepts);
  await gateway.stop();
  t.false((await whole(answer)).isWhole);
});
