/** The table: what happens, and what must hold. Bounds are those of the promise in docs/scaling.md. */
import {
  allDone,
  type Bound,
  failedPercent,
  failedShare,
  failing,
  failingSeconds,
  intact,
  noFailure,
  noReadFailure,
  silent,
} from "./bounds.ts";
import * as postgres from "./deeds/postgres.ts";
import * as processes from "./deeds/processes.ts";
import * as rabbit from "./deeds/rabbitmq.ts";
import * as repair from "./deeds/repair.ts";
import { ttlS } from "./engines/patroni.ts";
import type { Stage } from "./stage.ts";
import type { Topology } from "./system.ts";

export interface Scenario {
  readonly name: string;
  readonly says: string;
  readonly topology: Topology;
  readonly run: (stage: Stage) => Promise<void>;
  readonly bounds: readonly Bound[];
  /** What `npm test` holds it to, where a machine that is busy does not keep `bounds`. */
  readonly today?: readonly Bound[];
  /** In the short set, which `npm test` runs. */
  readonly isShort?: true;
}

/** An answer that was being made when its process died is missed for as long as a call may take. */
const callMs = 2_000;
const ttlMs = ttlS * 1_000;
const baselineMs = 12_000;
const calmMs = 20_000;

const figure = (name: string, says: string, most: number, unit: Bound["unit"] = ""): Bound => ({
  figure: name,
  says,
  unit,
  most,
});

/** Whoever was connected to the node goes on at another one, and does not wait for it to come back. */
const readyWithout = figure("readyWithoutMs", "all ready without it after", 10_000, "ms");

/** Writes that were acknowledged are gone, which is what the scenario is about. */
const afterLoss: readonly Bound[] = [
  figure("blockedAddresses", "addresses of nobody", 0),
  figure("numbersUsedTwice", "numbers used twice", 0),
  figure("doctorsFindings", "what the doctor finds", 0),
];

export const baseline: Scenario = {
  name: "baseline",
  says: "nothing happens; what it takes scales the bounds of the others",
  topology: "plain",
  run: ({ rest }) => rest(baselineMs),
  bounds: [...intact, noFailure, noReadFailure, allDone],
  today: [...intact, allDone],
  isShort: true,
};

const calm = ({ rest }: Stage): Promise<void> => rest(calmMs);

export const scenarios: readonly Scenario[] = [
  {
    name: "rabbit-kill",
    says: "SIGKILL to each RabbitMQ node in turn, which comes back after 15 s",
    topology: "plain",
    run: rabbit.killNodes,
    bounds: [...intact, silent(1_000), failedPercent(5), failing(10_000), readyWithout, allDone],
    // One attempt of twenty, which is what a slow machine makes in 10 s, is 5 %.
    today: [...intact, silent(2_000), failedPercent(15), failing(10_000), readyWithout, allDone],
    isShort: true,
  },
  {
    name: "primary-kill",
    says: "SIGKILL to the primary with its Patroni; the synchronous standby is promoted",
    topology: "plain",
    run: postgres.killPrimary,
    bounds: [...intact, silent(3_000, ttlMs), allDone],
    isShort: true,
  },
  {
    name: "rolling-restart",
    says: "each of the nine processes is restarted, the next as soon as the one before is ready",
    topology: "plain",
    run: processes.restartAll,
    bounds: [...intact, noFailure, allDone],
    isShort: true,
  },
  {
    name: "rabbit-silent",
    says: "SIGSTOP for 21.6 s to the RabbitMQ node that most are connected to",
    topology: "plain",
    run: rabbit.silenceNode,
    bounds: [...intact, silent(10_000), allDone],
  },
  {
    name: "rabbit-rolling",
    says: "each RabbitMQ node is drained, stopped and started",
    topology: "plain",
    run: rabbit.restartNodes,
    bounds: [...intact, failedShare(1), allDone],
  },
  {
    name: "rabbit-majority",
    says: "SIGKILL to two of three RabbitMQ nodes, which come back after 14 s",
    topology: "plain",
    run: rabbit.loseMajority,
    bounds: [...intact, silent(30_000, 14_000), allDone],
  },
  {
    name: "switchover",
    says: "a planned switchover of the primary",
    topology: "plain",
    run: postgres.switchOver,
    bounds: [...intact, silent(4_000), allDone],
  },
  {
    name: "standby-frozen",
    says: "the synchronous standby stands still for 44 s",
    topology: "plain",
    run: postgres.freezeStandby,
    bounds: [
      ...intact,
      noReadFailure,
      figure("connectionsOverPools", "connections over the pools", 0),
      allDone,
    ],
  },
  {
    name: "primary-frozen",
    says: "the primary with its Patroni stands still for 31 s, and finds another one when it goes on",
    topology: "plain",
    run: postgres.freezePrimary,
    // Its connections do not break, and Patroni takes up to 2 s more than its ttl.
    bounds: [...intact, silent(4_000, ttlMs), allDone],
  },
  {
    name: "instance-kill",
    says: "SIGKILL to one users, one smtp-registry and one gateway, each back after 6 s",
    topology: "plain",
    run: processes.killInstances,
    bounds: [...intact, silent(1_000), failing(1_000, callMs), allDone],
  },
  {
    name: "instance-frozen",
    says: "SIGSTOP for 20 s to one users and one smtp-registry",
    topology: "plain",
    run: processes.freezeInstances,
    bounds: [...intact, silent(1_000), failingSeconds(3), allDone],
  },
  {
    name: "overload",
    says: "ten times the writes that it can do on a slow database, for 8 s",
    topology: "plain",
    run: processes.overload,
    bounds: [...intact, { figure: "goodputPercent", says: "goodput", unit: "%", least: 80 }],
  },
  {
    name: "outage-repeats",
    says: "no smtp-registry for 30 s, at half of the writes that it can do",
    topology: "plain",
    run: processes.outage,
    bounds: [
      ...intact,
      figure("backlogPercent", "what waited took, of the outage's time", 100, "%"),
      figure("backlogGivenUp", "of it given up", 0),
    ],
  },
  {
    name: "rabbit-partition",
    says: "a RabbitMQ node is cut from the others for 25 s; clients reach all three",
    topology: "networks",
    run: rabbit.partition,
    bounds: [...intact, silent(10_000), allDone],
  },
  {
    name: "standby-address",
    says: "a users process and an outbox name one server, which becomes the standby",
    topology: "one server named",
    run: postgres.strandOnStandby,
    bounds: [
      ...intact,
      figure("calledReady", "ready on a standby", 0),
      figure("oneEventTimes", "the most deliveries of one event", 3),
      allDone,
    ],
  },
  {
    name: "async-loss",
    says: "an asynchronous standby is promoted without the last 6 s; then `reconcile repair`",
    topology: "registry apart",
    run: repair.loseAndRepair,
    bounds: afterLoss,
  },
  {
    name: "restore-registry",
    says: "the registry's database goes back by 15 s; then `reconcile repair`",
    topology: "registry apart",
    run: repair.restoreRegistry,
    bounds: [...intact, figure("blockedAddresses", "addresses of nobody", 0), afterLoss[2] as Bound],
  },
  {
    name: "restore-users",
    says: "the users' database goes back by 15 s; then `reconcile repair`",
    topology: "registry apart",
    run: repair.restoreUsers,
    bounds: afterLoss,
  },
  {
    name: "rolling-upgrade",
    says: "from the previous release to this one, process by process",
    topology: "previous release",
    run: processes.upgradeAll,
    bounds: [...intact, noFailure, allDone],
  },
  {
    name: "pgbouncer",
    says: "all processes behind PgBouncer in transaction mode",
    topology: "pooler",
    run: calm,
    bounds: [...intact, noFailure, noReadFailure, allDone],
  },
];
