/** `GET /users/:id` of existing users beside moleculer-web with an action that returns a constant, and the list. */
import { stopChild } from "../../support/provision/command.ts";
import { createUsers, getPaths } from "../harness/load.ts";
import type { Part, Row } from "../harness/part.ts";
import { placeFor } from "../harness/servers.ts";
import { drained } from "../harness/settle.ts";
import { ratioOf, sampleOf } from "../harness/stats.ts";
import { startEmbedded, startScript } from "../harness/systems.ts";

const connections = 32;
const usersMax = 1_000;
const warmUp = { seconds: 2, connections };

export const reads: Part = {
  name: "reads",
  title: "Reads at saturation, 32 connections",
  async run(bench) {
    const system = await startEmbedded(await placeFor(bench.servers, "reads"));
    const constant = await startScript("test/benchmark/reference/constant.ts", {});
    const constantUrl = `http://127.0.0.1:${constant.port}`;
    try {
      await createUsers(system.url, warmUp);
      await drained(bench.servers, system);
      const rows = await bench.servers.postgres.query<{ id: string }>(
        system.place.usersDatabase,
        `select id from users order by id limit ${usersMax}`,
      );
      const ids = rows.map(({ id }) => `/users/${id}`);
      const subjects = [
        { what: "moleculer-web returning a constant", url: constantUrl, paths: ids },
        { what: "get by id", url: system.url, paths: ids },
        { what: "list of 20", url: system.url, paths: ["/users?limit=20"] },
      ];
      const measured = subjects.map((): number[] => []);
      for (let round = 0; round <= bench.rounds; round += 1)
        for (const [index, { what, url, paths }] of subjects.entries()) {
          bench.progress(`${what}, ${round === 0 ? "warm-up" : `round ${round}`}`);
          const load = await getPaths(url, paths, { seconds: bench.seconds, connections });
          if (load.failed > 0) throw new Error(`${what}: ${load.failed} requests failed`);
          if (round > 0) measured[index]?.push(load.perSecond);
        }
      const reference = measured[0] ?? [];
      return subjects.map(({ what }, index): Row => {
        const own = measured[index] ?? [];
        const row = { what, unit: "/s", sample: sampleOf(own) };
        if (index === 0) return row;
        const compared = { ...row, ratio: ratioOf(own, reference) };
        return what === "get by id" ? { ...compared, goal: { atLeast: 0.8 } } : compared;
      });
    } finally {
      await stopChild(constant.child, "SIGTERM");
      await system.stop();
    }
  },
};
