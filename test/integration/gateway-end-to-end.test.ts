/** HTTP on the real services, two databases and the in-process bus: one user's whole life, and the same fuzz. */
import test from "ava";
import { hostedService } from "../../services/runtime/composition.ts";
import { eventually } from "../support/eventually.ts";
import { fuzz } from "../support/http-fuzz.ts";
import { nextOf } from "../support/links.ts";
import { type Answer, type Rig, startRig } from "../support/rig.ts";

let rig: Rig;
test.before(async () => {
  rig = await startRig();
});
test.after.always(() => rig.stop());

const call = <T>(...request: Parameters<Rig["http"]>): Promise<Answer<T>> => rig.http(...request);

test.serial("a 503 says in its detail what the request needs and since when, until it is back", async (t) => {
  interface Told {
    detail: string;
  }
  const request = (name: string) =>
    ["POST", "/users", { displayName: name, primarySmtp: `${name}@detail.example` }] as const;
  t.is((await call(...request("before"))).status, 201);
  const startedAt = Date.now();
  await rig.broker.destroyService(rig.broker.getLocalService("smtp-registry"));
  const first: Answer<Told> = await rig.httpOnce(...request("first"));
  const second: Answer<Told> = await rig.httpOnce(...request("second"));
  const look: Answer<Told> = await rig.httpOnce("GET", "/smtp/first@detail.example");
  for (const { status, body } of [first, second, look]) {
    t.is(status, 503);
    const [, since = ""] =
      /^Cannot serve the request: it needs smtp-registry, which has not done its part since (.+Z)$/.exec(
        body.detail,
      ) ?? [];
    t.true(Date.parse(since) >= startedAt && Date.parse(since) <= Date.now(), body.detail);
  }
  t.is(second.body.detail, first.body.detail);
  rig.broker.createService(await hostedService("smtp-registry", rig.platform, rig.config));
  await rig.broker.waitForServices(["smtp-registry"]);
  t.is((await call(...request("after"))).status, 201);
});

interface User {
  id: string;
  version: number;
  primarySmtp: string;
  requestedSmtp?: string;
  secondarySmtps: string[];
}
const statusOf = async (address: string) =>
  (await call<{ status: string }>("GET", `/smtp/${address}`)).body.status;
const becomes = (address: string, status: string) =>
  eventually(async () => {
    const actual = await statusOf(address);
    if (actual !== status) throw new Error(`Cannot go on: ${address} is ${actual}`);
  });

test.serial("a quoted Idempotency-Key is unquoted once on its whole way, and may hold spaces", async (t) => {
  const create = (name: string, key: string) =>
    call<User>(
      "POST",
      "/users",
      { displayName: name, primarySmtp: `${name}@example.com` },
      { "idempotency-key": key },
    );
  const bare = await create("kay", "a");
  t.is(bare.status, 201);
  t.is((await create("quotes", String.raw`"\"a\""`)).status, 201);
  t.is((await create("spaces", '"a b"')).status, 201);
  const again = await create("kay", '"a"');
  t.is(again.headers.get("idempotent-replayed"), "true");
  t.is(again.body.id, bare.body.id);
});

test.serial("a user's life over HTTP is followed by the registry and the audit log", async (t) => {
  t.is((await call("GET", "/health/ready")).status, 200);
  const ann = { displayName: "Ann", primarySmtp: "ann@example.com" };
  const headers = { "idempotency-key": "first", "x-correlation-id": "life-1", "x-actor": "helpdesk" };
  const created = await call<User>("POST", "/users", ann, headers);
  t.is(created.status, 201);
  const { id } = created.body;
  await becomes("ann@example.com", "active");
  const again = await call<User>("POST", "/users", ann, headers);
  t.is(again.headers.get("idempotent-replayed"), "true");
  t.is(again.body.id, id);
  t.is((await call("POST", "/users", { ...ann, displayName: "Eve" }, headers)).status, 422);
  const second = await call<User>("POST", "/users", ann);
  t.like(second.body, { primarySmtp: "ann2@example.com", requestedSmtp: "ann@example.com" });

  const patch = { primarySmtp: "lee@example.com" };
  t.is((await call("PATCH", `/users/${id}`, patch, { "if-match": '"2"' })).status, 412);
  const patched = await call<User>("PATCH", `/users/${id}`, patch, { "if-match": '"1"' });
  t.is(patched.headers.get("etag"), '"2"');
  t.deepEqual(patched.body.secondarySmtps, ["ann@example.com"]);
  t.is((await call("PUT", `/users/${id}`, patched.body)).headers.get("etag"), '"2"');
  t.is((await call("PATCH", `/users/${id}`, { primarySmtp: "ann2@example.com" })).status, 409);

  t.is((await call("DELETE", `/users/${id}`)).status, 204);
  t.is((await call("GET", `/users/${id}`)).status, 404);
  await becomes("lee@example.com", "deleted");
  t.is((await call("POST", `/users/${id}/restore`)).headers.get("etag"), '"4"');
  await becomes("lee@example.com", "active");
  const audit = await eventually(async () => {
    const page = await call<{ items: Record<string, unknown>[] }>("GET", `/audit?userId=${id}`);
    if (page.body.items.length < 4) throw new Error("Cannot go on: entries are missing");
    return page.body.items;
  });
  t.is(audit.length, 4);
  const first = audit.find(({ version }) => version === 1);
  t.like(first, { action: "user.created", actor: "local", onBehalfOf: "helpdesk", correlationId: "life-1" });
});

test.serial(
  "the link of a page leads to the next one with the same parameters, until there is none",
  async (t) => {
    const names = ["Link Ä+1", "Link Ä+2", "Link Ä+3"];
    const headers = { "x-correlation-id": "linked/1+1" };
    for (const [index, displayName] of names.entries()) {
      const user = { displayName, primarySmtp: `link${index}@example.com` };
      t.is((await call("POST", "/users", user, headers)).status, 201);
    }
    await eventually(async () => {
      const { body } = await call<{ items: unknown[] }>("GET", "/audit?correlationId=linked%2F1%2B1");
      if (body.items.length < names.length) throw new Error("Cannot go on: entries are missing");
    });
    for (const start of ["/users?limit=1&q=link+%C3%A4%2B", "/audit?correlationId=linked%2F1%2B1&limit=1"]) {
      const seen = new Set<string>();
      let pages = 0;
      for (let path: string | undefined = start; path !== undefined; pages++) {
        const answer = await call<{ items: { id: string }[]; nextCursor: string | null }>("GET", path);
        t.is(answer.status, 200, path);
        for (const { id } of answer.body.items) seen.add(id);
        const head = await call("HEAD", path);
        t.is(head.headers.get("link"), answer.headers.get("link"));
        path = nextOf(answer.headers);
        t.is(path === undefined, answer.body.nextCursor === null);
      }
      t.is(pages, names.length, start);
      t.is(seen.size, names.length, start);
    }
  },
);

test.serial("a 409 says of each address what stands against it, and who has it", async (t) => {
  const holder = await call<User>("POST", "/users", {
    displayName: "Ann",
    primarySmtp: "held@conflict.example",
  });
  const other = await call<User>("POST", "/users", {
    displayName: "Ann",
    primarySmtp: "other@conflict.example",
  });
  const { id: userId } = holder.body;
  const wants = async (method: string, path: string, body: unknown) => {
    const answer = await call<{ errors: object[] }>(method, path, body);
    t.is(answer.status, 409, JSON.stringify(answer.body));
    return answer.body.errors;
  };
  const conflictOf = (address: string, status: string, by: string | null = userId) => ({
    detail: `is not available: it is ${status}`,
    conflict: { address, status, userId: by },
  });
  await becomes("held@conflict.example", "active");
  const patch = { primarySmtp: "Held@conflict.example" };
  t.deepEqual(await wants("PATCH", `/users/${other.body.id}`, patch), [
    { pointer: "#/primarySmtp", ...conflictOf("Held@conflict.example", "active") },
  ]);
  const create = {
    displayName: "Ann",
    primarySmtp: "free@conflict.example",
    secondarySmtps: ["held@conflict.example", "postmaster@conflict.example"],
  };
  t.deepEqual(await wants("POST", "/users", create), [
    { pointer: "#/secondarySmtps/0", ...conflictOf("held@conflict.example", "active") },
    { pointer: "#/secondarySmtps/1", ...conflictOf("postmaster@conflict.example", "blocked", null) },
  ]);
  t.is((await call("DELETE", `/users/${userId}`)).status, 204);
  await becomes("held@conflict.example", "deleted");
  t.deepEqual(await wants("PATCH", `/users/${other.body.id}`, { primarySmtp: "held@conflict.example" }), [
    { pointer: "#/primarySmtp", ...conflictOf("held@conflict.example", "deleted") },
  ]);
});

const runs = 600;
test.serial("no request makes a 5xx on the real services", async (t) => {
  await fuzz(rig.port, runs);
  t.deepEqual(
    rig.lines.filter(({ level }) => level === "error"),
    [],
  );
});
