/** Does the end of a long backlog drain as fast as its beginning? The relay alone, then the registry's consumer alone. */
import { type Commit, rateOf } from "../harness/commits.ts";
import { clearQueues, consumerDrain, openStage, relayDrain } from "../harness/drain.ts";
import { appendToOutbox, newUserEvents } from "../harness/events.ts";
import { type Outcome, type Part, type Point, type Row, rowOf } from "../harness/part.ts";

const tenths = 10;
/** A tenth is looked at in so many slices: as many rounds of one and the same drain. */
const slices = 5;
const eventsAtOnce = 10_000;

const sliceRates = (commits: readonly Commit[], tenth: number): number[] =>
  Array.from({ length: slices }, (_, slice) => {
    const from = (tenth + slice / slices) / tenths;
    return rateOf(commits, from, from + 1 / (tenths * slices));
  });

function rowsOf(name: string, commits: readonly Commit[]): Row[] {
  const [first, last] = [sliceRates(commits, 0), sliceRates(commits, tenths - 1)];
  return [
    rowOf(`${name}: first tenth`, "/s", first),
    rowOf(`${name}: last tenth`, "/s", last, {
      reference: first,
      goal: { atLeast: 0.85 },
      note: `one backlog; its rounds are ${slices} slices of a tenth`,
    }),
  ];
}

const points = (commits: readonly Commit[], count: number): Point[] =>
  Array.from({ length: tenths }, (_, tenth) => {
    const y = rateOf(commits, tenth / tenths, (tenth + 1) / tenths);
    return { x: ((tenth + 1) * count) / tenths, y, low: y, high: y };
  });

export const growthBacklog: Part = {
  name: "growth-backlog",
  title: "Growth: a long backlog from start to end",
  about:
    "One long backlog in the outbox, drained by the relay into RabbitMQ, and from there by the registry's consumer. Rates come from the commit times that the work has left.",
  async run(bench): Promise<Outcome> {
    const { longBacklog } = bench.scale;
    const stage = await openStage(bench.servers, "growth_backlog");
    const { users } = stage.place;
    for (let done = 0; done < longBacklog; done += eventsAtOnce) {
      bench.progress(`writing the backlog: ${done} of ${longBacklog}`, done, longBacklog * 3);
      await appendToOutbox(users, newUserEvents(Math.min(eventsAtOnce, longBacklog - done)));
    }
    await users.query("vacuum analyze outbox");
    bench.calibrate();
    bench.progress("the relay", 1, 3);
    const relay = await relayDrain(stage);
    bench.calibrate();
    bench.progress("the registry's consumer", 2, 3);
    const consumer = await consumerDrain(stage, longBacklog);
    bench.calibrate();
    await clearQueues(stage);
    await stage.close();
    return {
      rows: [...rowsOf("relay", relay), ...rowsOf("smtp-registry's consumer", consumer)],
      figures: [
        {
          kind: "lines",
          title: "Drain rate along the backlog",
          unit: "/s",
          axis: "events",
          lines: [
            { name: "relay", points: points(relay, longBacklog) },
            { name: "smtp-registry's consumer", points: points(consumer, longBacklog) },
          ],
        },
      ],
    };
  },
};
