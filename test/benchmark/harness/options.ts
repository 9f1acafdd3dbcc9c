/** What the command line asks for. Pure. */
import { resolve } from "node:path";
import { parseArgs } from "node:util";

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
  /** Creates of one address, in ten steps. */
  readonly sameAddress: number;
  readonly longBacklog: number;
  readonly instances: readonly number[];
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
  sameAddress: 10_000,
  longBacklog: 1_000_000,
  instances: [1, 2, 4],
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
  sameAddress: 500,
  longBacklog: 20_000,
  instances: [1, 2],
};

export interface Options {
  /** Names of parts, in their own order; all when none is asked for. */
  readonly parts: readonly string[];
  readonly scale: Scale;
  readonly isQuick: boolean;
  readonly out: string;
  readonly list: boolean;
}

/** The command line is wrong; the message is one sentence. */
export class UsageError extends Error {}

const roundsMax = 100;
const secondsMax = 600;

function numberOf(name: string, text: string | undefined, fallback: number, max: number): number {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > max)
    throw new UsageError(`--${name} must be a whole number from 1 to ${max}, not "${text}"`);
  return value;
}

function argumentsOf(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        rounds: { type: "string" },
        seconds: { type: "string" },
        out: { type: "string" },
        quick: { type: "boolean" },
        list: { type: "boolean" },
      },
    });
  } catch (error) {
    // Node's first sentence names the option; what follows explains how to pass a file of that name.
    throw new UsageError((error as Error).message.split(/[.\n]/)[0]);
  }
}

/** Throws UsageError. `known` are the names of the parts in the order in which they run. */
export function optionsOf(args: readonly string[], known: readonly string[], folder: string): Options {
  const { values, positionals } = argumentsOf(args);
  const unknown = positionals.find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new UsageError(`There is no part "${unknown}": the parts are ${known.join(", ")}`);
  const scale = values.quick === true ? quick : full;
  return {
    parts: known.filter((name) => positionals.length === 0 || positionals.includes(name)),
    scale: {
      ...scale,
      rounds: numberOf("rounds", values.rounds, scale.rounds, roundsMax),
      seconds: numberOf("seconds", values.seconds, scale.seconds, secondsMax),
    },
    isQuick: values.quick === true,
    out: resolve(folder, values.out ?? "bench-results"),
    list: values.list === true,
  };
}
