/** Who is asked which server is the primary, and when: decisions alone, the servers are played. */
import test from "ava";
import { ReadOnlyDatabase } from "../../mixins/postgres/database-faults.ts";
import { databaseServers } from "../../mixins/postgres/database-servers.ts";

const url = "postgresql://u@one,two:6000,three/d";

/** Of three servers the ones named take writes, and each that is asked is noted. */
function played(primaries: readonly string[], standbys: readonly string[] = []) {
  const asked: string[] = [];
  return {
    asked,
    async probe({ host = "" }: { host?: string | undefined }) {
      asked.push(host);
      if (standbys.includes(host)) throw new ReadOnlyDatabase("a standby");
      if (!primaries.includes(host)) throw new Error(`${host} is away`);
    },
  };
}

test("servers are asked in turn until one takes writes, once for all who wait", async (t) => {
  const servers = databaseServers(url);
  const { asked, probe } = played(["two", "three"]);
  const found = await Promise.all([servers.primary(probe), servers.primary(probe)]);
  t.deepEqual(
    found.map(({ connection: { host, port } }) => [host, port]),
    [
      ["two", 6000],
      ["two", 6000],
    ],
  );
  t.deepEqual(asked, ["one", "two"]);
});

test("while sessions to the primary are open nobody is asked, and after a failure the last primary is asked first", async (t) => {
  const servers = databaseServers(url);
  const server = await servers.primary(played(["two"]).probe);
  const closed = [servers.opened(server), servers.opened(server)];
  const working = played(["two"]);
  await servers.primary(working.probe);
  closed[0]?.();
  await servers.primary(working.probe);
  t.deepEqual(working.asked, []);

  servers.doubt();
  const after = played(["three"]);
  t.is((await servers.primary(after.probe)).connection.host, "three");
  t.deepEqual(after.asked, ["two", "one", "three"]);

  closed[1]?.();
  const idle = played(["three"]);
  await servers.primary(idle.probe);
  t.deepEqual(idle.asked, ["three"]);
});

test("when none takes writes a standby's refusal is told before the others' absence, else the first server's", async (t) => {
  const servers = databaseServers(url);
  await t.throwsAsync(servers.primary(played([], ["three"]).probe), { instanceOf: ReadOnlyDatabase });
  await t.throwsAsync(servers.primary(played([]).probe), { message: "one is away" });
});

test("one server is never asked beforehand", async (t) => {
  const servers = databaseServers("postgresql://u@one/d");
  const { asked, probe } = played([]);
  t.is((await servers.primary(probe)).connection.host, "one");
  t.deepEqual(asked, []);
});
