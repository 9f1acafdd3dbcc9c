/** Rounds of one kind of request at saturation, and how two kinds are told beside each other. */
import { saturatingConnections } from "../load/generator.ts";
import type { Work } from "../load/order.ts";
import { idFloor } from "./commits.ts";
import { ownMs, spent } from "./cpu.ts";
import { type Bench, type Goal, insteadOf, type Row, rowOf } from "./part.ts";
import { drained } from "./settle.ts";
import type { System } from "./systems.ts";

export interface WorkRound {
  readonly perSecond: number;
  /** Milliseconds an answer, without the load, effects included; NaN where the machine does not tell. */
  readonly cpuMs: number;
}

interface WorkOptions {
  readonly token?: string | undefined;
  /** Its effects are waited for, and count in what it costs. */
  readonly writes?: boolean;
  readonly connections?: number;
  /** What is refused only fails to be answered. */
  readonly mayFail?: boolean;
}

export async function workRound(
  { servers, scale }: Bench,
  system: System,
  work: Work,
  { token, writes = false, connections = saturatingConnections, mayFail = false }: WorkOptions = {},
): Promise<WorkRound> {
  const { cpu, load } = servers;
  const before = await cpu?.times(system.processes, system.place);
  const pace = { connections, seconds: scale.seconds };
  const order = { urls: system.urls, work, pace, token };
  const { answered, perSecond } = await load.run(order, { mayFail });
  if (writes) await drained(system, idFloor(0));
  const after = await cpu?.times(system.processes, system.place);
  const isTold = before !== undefined && after !== undefined;
  return { perSecond, cpuMs: isTold ? ownMs(spent(before, after)) / answered : Number.NaN };
}

interface Compared {
  readonly name: string;
  /** Whom it is compared with, and with which bounds; undefined: the others are compared with it. */
  readonly beside?: { readonly name: string; readonly rate: Goal; readonly cpu: Goal };
}

/** A row of the rate of each, and one of its CPU where the machine tells it. */
export function workRows(
  { servers }: Bench,
  subjects: readonly Compared[],
  rounds: (name: string) => readonly WorkRound[],
): Row[] {
  const rates = (name: string) => rounds(name).map(({ perSecond }) => perSecond);
  const cpu = (name: string) => rounds(name).map(({ cpuMs }) => cpuMs);
  const rateRow = ({ name, beside }: Compared): Row =>
    beside === undefined
      ? rowOf(name, "/s", rates(name))
      : rowOf(name, "/s", rates(name), {
          reference: rates(beside.name),
          goal: beside.rate,
          instead: insteadOf("CPU an answer", cpu(name), cpu(beside.name), beside.cpu),
        });
  const cpuRow = ({ name, beside }: Compared): Row =>
    rowOf(
      `${name}: CPU an answer`,
      "ms CPU",
      cpu(name),
      beside === undefined ? {} : { reference: cpu(beside.name), goal: beside.cpu },
    );
  return [...subjects.map(rateRow), ...(servers.cpu === undefined ? [] : subjects.map(cpuRow))];
}
