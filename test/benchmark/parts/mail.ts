/** What mail servers ask: look-ups by socketmap, beside a bare server of one statement each, and beside creates. */
import { fixedPort } from "../../support/fixed-port.ts";
import { idFloor } from "../harness/commits.ts";
import { type Bench, type Outcome, type Part, type Row, rowOf } from "../harness/part.ts";
import type { Place } from "../harness/place.ts";
import { populate } from "../harness/population.ts";
import { interleaved } from "../harness/rounds.ts";
import { drained } from "../harness/settle.ts";
import { quantile } from "../harness/stats.ts";
import { type System, startEmbedded, startScript, withSystems } from "../harness/systems.ts";
import { freshPrefix, type LoadGenerator, loadGenerator } from "../load/generator.ts";
import { lookupConnections } from "../load/lookups.ts";
import type { LoadResult, Order } from "../load/order.ts";

const bare = "bare socketmap server";
const own = "mail-lookup";
const besideCreates = (name: string): string => `${name} beside creates`;
const createsPerSecond = 200;
const lookupsPerSecond = 1_000;
const addressesAsked = 1_000;

interface Subject {
  readonly name: string;
  readonly url: string;
  readonly pace: Order["pace"];
  readonly creates?: true;
}

interface Ground {
  readonly system: System;
  readonly addresses: readonly string[];
  /** Creates go on beside the look-ups, so they have a process of their own. */
  readonly creating: LoadGenerator;
}

async function measure(
  { servers, scale }: Bench,
  { system, addresses, creating }: Ground,
  { url, pace, creates }: Subject,
): Promise<LoadResult & { readonly created?: LoadResult }> {
  const looking = servers.load.run({ urls: [url], work: { kind: "lookup", addresses }, pace });
  if (creates === undefined) return looking;
  const fromId = idFloor(Date.now());
  const created = creating.run(
    {
      urls: system.urls,
      work: { kind: "create", prefix: freshPrefix() },
      pace: { perSecond: createsPerSecond, seconds: scale.seconds },
    },
    { mayFail: true },
  );
  const [looked, made] = await Promise.all([looking, created]);
  await drained(system, fromId);
  return { ...looked, created: made };
}

/** Every fourth is nobody's. */
async function addressesOf({ registry }: Place): Promise<string[]> {
  const { rows } = await registry.query<{ key: string }>("select key from addresses order by key limit $1", [
    addressesAsked,
  ]);
  return rows.map(({ key }, index) => (index % 4 === 3 ? `no-${key}` : key));
}

export const mailPart: Part = {
  name: "mail",
  title: "Look-ups of mail servers",
  about: `${lookupConnections} connections that ask \`mailboxes\` by socketmap, one look-up after the other on each, every fourth for nobody. One process of all services beside a bare server that runs one prepared statement a look-up; then ${lookupsPerSecond} look-ups a second of each while the process of all services takes ${createsPerSecond} creates a second.`,
  async run(bench): Promise<Outcome> {
    const { servers, scale } = bench;
    const prepare = (place: Place) =>
      populate(place, scale.usersBefore[0] ?? 1, (done) => bench.progress(`${done} users are there`));
    const port = await fixedPort();
    const env = { SOCKETMAP_PORT: String(port) };
    return withSystems([startEmbedded(servers, "mail", { prepare, env })], async ([system]) => {
      if (system === undefined) throw new Error("Cannot measure: there is no system");
      const reference = await startScript(servers, "test/benchmark/reference/socketmap.ts", {
        REGISTRY_DATABASE_URL: system.place.registryUrl,
      });
      const creating = loadGenerator();
      servers.stops.add(() => creating.stop());
      const ground = { system, addresses: await addressesOf(system.place), creating };
      const [bareUrl, ownUrl] = [reference.port, port].map((at) => `tcp://127.0.0.1:${at}`) as [
        string,
        string,
      ];
      const { seconds } = scale;
      const saturating = { connections: lookupConnections, seconds };
      const steady = { perSecond: lookupsPerSecond, seconds };
      const subjects: Subject[] = [
        { name: bare, url: bareUrl, pace: saturating },
        { name: own, url: ownUrl, pace: saturating },
        { name: besideCreates(bare), url: bareUrl, pace: steady, creates: true },
        { name: besideCreates(own), url: ownUrl, pace: steady, creates: true },
      ];
      const rounds = await interleaved(bench, subjects, (subject) => measure(bench, ground, subject));
      await creating.stop();
      await reference.stop();
      return { rows: rowsOf(rounds), figures: [] };
    });
  },
};

function rowsOf(
  rounds: (name: string) => readonly (LoadResult & { readonly created?: LoadResult })[],
): Row[] {
  const rate = (name: string) => rounds(name).map(({ perSecond }) => perSecond);
  const at = (name: string, q: number) =>
    rounds(name).map(({ latenciesMs = [] }) => quantile(latenciesMs, q));
  const beside = (name: string): Row[] => {
    const subject = besideCreates(name);
    const failed = rounds(subject).reduce((sum, { created }) => sum + (created?.failed ?? 0), 0);
    const note = failed === 0 ? undefined : `${failed} creates failed: too much for this machine`;
    const goal = name === own ? { atMost: 20 } : undefined;
    return [
      rowOf(`${subject}: p50`, "ms", at(subject, 0.5)),
      rowOf(`${subject}: p99`, "ms", at(subject, 0.99), { goal, note }),
    ];
  };
  return [
    rowOf(bare, "look-ups/s", rate(bare)),
    rowOf(own, "look-ups/s", rate(own), { reference: rate(bare), goal: { atLeast: 0.5 } }),
    rowOf(`${own}: p99 at saturation`, "ms", at(own, 0.99)),
    ...beside(bare),
    ...beside(own),
  ];
}
