/**
 * An identity provider synchronises a directory from empty, and again: it looks for each user by name, creates who is not
 * there and corrects who differs. The second time nothing is written.
 */
import assert from "node:assert/strict";
import test from "ava";
import { sideBySide } from "../../services/commands/bulk/side-by-side.ts";
import { eventually } from "../support/eventually.ts";
import { Processes } from "../support/processes.ts";
import { testDatabase } from "../support/resources.ts";
import { patchOf, scimClient, userSchema } from "../support/scim-client.ts";

/** SCIM_USERS=100000 for the whole of it. */
const usersCount = Number(process.env.SCIM_USERS ?? 300);
const atOnce = 16;

const personOf = (index: number) => ({
  userName: `person.${index}@example.com`,
  externalId: `id-${index}`,
  displayName: `Person ${index}`,
  name: { givenName: "Person", familyName: String(index) },
  emails: [{ value: `person.${index}@example.com`, type: "work", primary: true }],
  active: true,
});

test("a second synchronisation writes nothing, and pages tell everybody once", async (t) => {
  const databases = [await testDatabase(), await testDatabase()];
  const processes = new Processes();
  t.teardown(async () => {
    await processes.end();
    for (const database of databases) await database.drop();
  });
  const [DATABASE_URL = "", REGISTRY_DATABASE_URL = ""] = databases.map(({ url }) => url);
  const running = await processes.start({ env: { DATABASE_URL, REGISTRY_DATABASE_URL } });
  await running.ready();
  const scim = scimClient(running.httpUrl);
  const everybody = Array.from({ length: usersCount }, (_, index) => index);

  /** A cycle as Entra ID runs it; how many were created and how many corrected. */
  async function synchronise() {
    const done = { created: 0, patched: 0 };
    const one = async (index: number): Promise<void> => {
      const wanted = personOf(index);
      const filter = encodeURIComponent(`userName eq "${wanted.userName}"`);
      const { body } = await scim("GET", `/Users?filter=${filter}`);
      const [there] = body.Resources;
      if (there === undefined) {
        const { status } = await scim("POST", "/Users", { schemas: [userSchema], ...wanted });
        assert.equal(status, 201);
        done.created += 1;
        return;
      }
      const { status, body: after } = await scim(
        "PATCH",
        `/Users/${there.id}`,
        patchOf({ op: "Replace", value: wanted }),
      );
      assert.equal(status, 200);
      if (after.meta.version !== there.meta.version) done.patched += 1;
    };
    const startMs = performance.now();
    await sideBySide(everybody, atOnce, one);
    t.log(`${usersCount} users in ${Math.round(performance.now() - startMs)} ms`, done);
    return done;
  }

  /** All ids, page by page. */
  async function ids(): Promise<string[]> {
    const all: string[] = [];
    for (let startIndex = 1; ; startIndex += 100) {
      const { body } = await scim("GET", `/Users?startIndex=${startIndex}&count=100`);
      all.push(...body.Resources.map(({ id }: { id: string }) => id));
      if (body.Resources.length < 100) return all;
    }
  }

  t.deepEqual(await synchronise(), { created: usersCount, patched: 0 });
  await eventually(async () => {
    assert.equal((await scim("GET", "/Users?count=0")).body.totalResults, usersCount);
  });
  const first = await ids();
  t.is(new Set(first).size, usersCount);
  const tags = async () => {
    const { body } = await scim("GET", "/Users?count=200");
    return body.Resources.map(({ meta }: { meta: object }) => meta);
  };
  const before = await tags();
  t.deepEqual(await synchronise(), { created: 0, patched: 0 });
  t.deepEqual(await tags(), before);
  t.deepEqual(await ids(), first);
});
