/** The key that an owner of a container gives its start. */
import test from "ava";
import { newKey } from "../../services/contracts/access-key.ts";
import { eventually } from "../support/eventually.ts";
import { held } from "../support/held.ts";
import { ownDatabase } from "../support/own-database.ts";
import { startInstance } from "../support/rig.ts";

test("a start waits with its bootstrap key for a database that is late", async (t) => {
  const users = await ownDatabase("users");
  t.teardown(() => users.close());
  const release = await held(t, users.pool, "lock table api_keys in access exclusive mode");
  const starting = startInstance({
    services: ["access"],
    environment: {
      DATABASE_URL: users.url,
      // Nobody opens it.
      REGISTRY_DATABASE_URL: `${users.url}_registry`,
      AUTH_BOOTSTRAP_KEY: newKey().key,
    },
  });
  // One attempt has run out of its time, and another waits.
  const seen = new Set<string>();
  await eventually(async () => {
    const { rows } = await users.pool.query<{ since: string }>(
      `select query_start::text as since from pg_stat_activity
       where datname = current_database() and wait_event_type = 'Lock' and query like '%api_keys%'`,
    );
    for (const { since } of rows) seen.add(since);
    if (seen.size < 2) throw new Error(`${seen.size} attempts`);
  });
  await release();
  const started = await starting;
  const { rows } = await users.pool.query("select name, role from api_keys");
  t.deepEqual(rows, [{ name: "bootstrap", role: "owner" }]);
  await started.stop();
});
