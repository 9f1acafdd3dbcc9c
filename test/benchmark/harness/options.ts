/** What the command line asks for. Pure. */
import { resolve } from "node:path";
import { exitCodes } from "../../../services/contracts/exits.ts";
import { type CommandForm, type CommandLine, numberOf } from "../../../services/runtime/command-line.ts";

/** How much of everything is done. */
export interface Scale {
  readonly rounds: number;
  /** Whether a round before them warms up and does not count. */
  readonly warmsUp: boolean;
  /** Of one measured round. */
  readonly seconds: number;
  readonly idleSeconds: number;
  /** Events that wait for relay and consumer. */
  readonly backlog: number;
  /** Events that wait where peers are measured, and the seconds after which a slow one is stopped. */
  readonly peerBacklog: number;
  readonly peerSecondsMax: number;
  /** Users that are there before the first create. */
  readonly usersBefore: readonly number[];
  /** Users among whom is searched. */
  readonly usersSearched: number;
  /** Creates of one address, in ten steps. */
  readonly sameAddress: number;
  readonly longBacklog: number;
  readonly instances: readonly number[];
  /** Of one import. */
  readonly importRows: number;
  /** That each system has while its memory is watched. */
  readonly events: number;
  /** What very many users are. */
  readonly usersMany: number;
}

const full: Scale = {
  rounds: 5,
  warmsUp: true,
  seconds: 5,
  idleSeconds: 10,
  backlog: 100_000,
  peerBacklog: 20_000,
  peerSecondsMax: 10,
  usersBefore: [10_000, 1_000_000],
  usersSearched: 200_000,
  sameAddress: 10_000,
  longBacklog: 1_000_000,
  instances: [1, 2, 4],
  importRows: 10_000,
  events: 20_000,
  usersMany: 100_000,
};

/** Right in form only: its figures say that everything runs, and nothing of how fast. */
const quick: Scale = {
  rounds: 1,
  warmsUp: false,
  seconds: 1,
  idleSeconds: 2,
  backlog: 4_000,
  peerBacklog: 2_000,
  peerSecondsMax: 2,
  usersBefore: [1_000, 20_000],
  usersSearched: 5_000,
  sameAddress: 500,
  longBacklog: 20_000,
  instances: [1, 2],
  importRows: 1_000,
  events: 1_000,
  usersMany: 10_000,
};

export interface Options {
  /** Names of parts, in their own order; all when none is asked for. */
  readonly parts: readonly string[];
  readonly scale: Scale;
  readonly isQuick: boolean;
  readonly out: string;
  readonly list: boolean;
  /** What the part `counts` finds is what is accepted from now on; nothing else is done. */
  readonly accept: boolean;
}

const roundsMax = 100;
const secondsMax = 600;
const eventsMax = 10_000_000;
const usersMax = 100_000_000;

/** `known` are the names of the parts in the order in which they run. */
export const formOf = (known: readonly string[]): CommandForm => ({
  name: "bench",
  says: "What the system does in a second, beside a bare reference and beside peers, in one run on servers of its own.",
  words: { form: "[part …]", known },
  options: {
    rounds: { value: "N", says: `measured rounds of each part (${full.rounds})` },
    seconds: { value: "N", says: `of one round (${full.seconds})` },
    events: { value: "N", says: `that each system has in memory (${full.events})` },
    users: { value: "N", says: `whom size fills the tables with (${full.usersMany})` },
    quick: { says: "only whether everything runs" },
    out: { value: "FOLDER", says: "where the report goes (bench-results)" },
    list: { says: "the parts, and nothing else" },
    accept: { says: "write what counts finds to counts.json, and nothing else" },
  },
  exits: {
    [exitCodes.ok]: "measured",
    [exitCodes.failure]: "a part could not be measured",
    [exitCodes.interrupted]: "interrupted",
  },
});

/** Throws UsageError. */
export function optionsOf(line: CommandLine, known: readonly string[], folder: string): Options {
  const form = formOf(known);
  const scale = line.has("quick") ? quick : full;
  const { words } = line;
  const number = (option: string, max: number, otherwise: number): number =>
    numberOf(form, line, option, { min: 1, max, whole: true }) ?? otherwise;
  return {
    parts: known.filter((name) => words.length === 0 || words.includes(name)),
    scale: {
      ...scale,
      rounds: number("rounds", roundsMax, scale.rounds),
      seconds: number("seconds", secondsMax, scale.seconds),
      events: number("events", eventsMax, scale.events),
      usersMany: number("users", usersMax, scale.usersMany),
    },
    isQuick: line.has("quick"),
    out: resolve(folder, line.valueOf("out") ?? "bench-results"),
    list: line.has("list"),
    accept: line.has("accept"),
  };
}
