/** Lists by a text, and how the installation stands, each at saturation beside what is plainest to compare it with. */
import type { Outcome, Part } from "../harness/part.ts";
import type { Place } from "../harness/place.ts";
import { populate, sampleOfUsers } from "../harness/population.ts";
import { interleaved } from "../harness/rounds.ts";
import { startEmbedded, startReference, withSystems } from "../harness/systems.ts";
import { workRound, workRows } from "../harness/work.ts";

/** A process runs two searches at a time and refuses what would wait too long: two more always wait. */
export const searching = { connections: 4, mayFail: true } as const;

/** Texts that are asked for; each is in the address of one user. */
const textsMax = 1_000;

export const search: Part = {
  name: "search",
  title: "Lists with q",
  about:
    "GET /users?q=… for eight characters that one user's address holds, over 4 connections (a process runs two searches at a time), beside the bare reference: the same tables and indexes, one prepared statement a list.",
  async run(bench): Promise<Outcome> {
    const { servers, scale } = bench;
    const prepare = (place: Place) =>
      populate(place, scale.usersSearched, (done) => bench.progress(`${done} users are there`));
    const starts = [startReference(servers, "search_reference", prepare)];
    await starts[0]?.catch(() => {}); // told by withSystems
    starts.push(startEmbedded(servers, "search_embedded", { prepare }));
    return withSystems(starts, async (systems) => {
      const [reference] = systems;
      if (reference === undefined) throw new Error("Cannot measure: there is no reference");
      const users = await sampleOfUsers(reference.place, textsMax);
      const paths = users.map(({ address }) => `/users?q=${address.slice(0, 8)}&limit=20`);
      const rounds = await interleaved(bench, systems, (system) =>
        workRound(bench, system, { kind: "get", paths }, searching),
      );
      const beside = { name: reference.name, rate: { atLeast: 0.5 }, cpu: { atMost: 2 } };
      const subjects = systems.map(({ name }) => (name === reference.name ? { name } : { name, beside }));
      return { rows: workRows(bench, subjects, rounds), figures: [] };
    });
  },
};

export const statusPart: Part = {
  name: "status",
  title: "How the installation stands",
  about:
    "GET /status over 32 connections beside reads by id, of one system with many users: a snapshot a second is made for all who ask, so what a request costs is its answer.",
  async run(bench): Promise<Outcome> {
    const { servers, scale } = bench;
    const prepare = (place: Place) =>
      populate(place, scale.usersSearched, (done) => bench.progress(`${done} users are there`));
    return withSystems([startEmbedded(servers, "status", { prepare })], async ([system]) => {
      if (system === undefined) throw new Error("Cannot measure: there is no system");
      const users = await sampleOfUsers(system.place, textsMax);
      const reads = { name: "reads by id", paths: users.map(({ id }) => `/users/${id}`) };
      const status = { name: "GET /status", paths: ["/status"] };
      const rounds = await interleaved(bench, [reads, status], ({ paths }) =>
        workRound(bench, system, { kind: "get", paths }),
      );
      const beside = { name: reads.name, rate: { atLeast: 0.5 }, cpu: { atMost: 2 } };
      return { rows: workRows(bench, [reads, { name: status.name, beside }], rounds), figures: [] };
    });
  },
};
