/**
 * Who spent the processor's time: the processes of a system, the backends of its databases, RabbitMQ and the load, read
 * from /proc before and after. On a machine with company this is the figure that stays right. Linux only.
 */
import { readdirSync, readFileSync } from "node:fs";
import type { ChaosPostgres } from "../../chaos/postgres.ts";
import type { ChaosRabbit } from "../../chaos/rabbitmq.ts";
import type { LoadGenerator } from "../load/generator.ts";
import type { Place } from "./place.ts";

/** USER_HZ: what /proc tells times in, whatever the kernel's own tick is. */
const ticksPerSecond = 100;
const kilobytesPerMegabyte = 1_024;

export interface ProcessTimes {
  readonly parent: number;
  /** Milliseconds in user and kernel mode. */
  readonly ownMs: number;
  /** The same of its children that have ended. */
  readonly endedMs: number;
}

/** The line of /proc/<pid>/stat; the name in it is in brackets, and may hold spaces and brackets itself. */
export function parseStat(line: string): ProcessTimes {
  const fields = line.slice(line.lastIndexOf(")") + 2).split(" ");
  const ms = (index: number): number => (Number(fields[index] ?? 0) * 1_000) / ticksPerSecond;
  return { parent: Number(fields[1]), ownMs: ms(11) + ms(12), endedMs: ms(13) + ms(14) };
}

/** undefined when there is no such process (any more). */
function timesOf(pid: number): ProcessTimes | undefined {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    return undefined;
  }
}

/** Megabytes that a process holds in memory, or held at most by now; NaN where that is not told. */
export function residentMb(pid: number, when: "now" | "most" = "now"): number {
  const name = when === "now" ? "VmRSS" : "VmHWM";
  try {
    const status = readFileSync(`/proc/${pid}/status`, "latin1");
    return Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1]) / kilobytesPerMegabyte;
  } catch {
    return Number.NaN;
  }
}

export interface Role {
  readonly role: string;
  readonly pid: number;
}

/** Milliseconds so far, by who spent them. */
export type CpuTimes = ReadonlyMap<string, number>;

export interface CpuMeter {
  /** Of a system's processes and of everything that works for it. */
  times(roles: readonly Role[], place: Place): Promise<CpuTimes>;
  /** Of one process. */
  ownMs(pid: number): number;
}

/** What was spent between two readings. */
export function spent(before: CpuTimes, after: CpuTimes): CpuTimes {
  return new Map([...after].map(([who, ms]) => [who, ms - (before.get(who) ?? 0)]));
}

export const loadRole = "load generator";

/** Of the system and of what works for it: all but the load. */
export const ownMs = (times: CpuTimes): number =>
  [...times].reduce((sum, [who, ms]) => (who === loadRole ? sum : sum + ms), 0);

const isThere = (): boolean => process.platform === "linux" && timesOf(process.pid) !== undefined;

const backends = "select pid, datname as database from pg_stat_activity where datname is not null";

/** Who a child of the postmaster works for: a connection to one of the place's databases, or everybody. */
function databaseNames(place: Place): ReadonlyMap<string, string> {
  return new Map([
    [place.usersDatabase, "PostgreSQL: users"],
    [place.registryDatabase, "PostgreSQL: registry"],
  ]);
}

/** undefined where /proc does not tell. */
export async function cpuMeter(
  postgres: ChaosPostgres,
  rabbit: ChaosRabbit,
  load: LoadGenerator,
): Promise<CpuMeter | undefined> {
  if (!isThere()) return undefined;
  const [first] = await postgres.query<{ pid: string }>(
    "postgres",
    "select split_part(pg_read_file('postmaster.pid'), chr(10), 1) as pid",
  );
  const postmaster = Number(first?.pid);
  const beam = Number((await rabbit.control("-q", "eval", "os:getpid().")).replaceAll(/\D/g, ""));
  const processMs = (pid: number): number => timesOf(pid)?.ownMs ?? 0;
  return {
    ownMs: processMs,
    async times(roles, place) {
      const names = databaseNames(place);
      const rows = await postgres.query<{ pid: number; database: string }>("postgres", backends);
      const databaseOf = new Map(rows.map(({ pid, database }) => [pid, database]));
      const sums = new Map<string, number>();
      const add = (who: string, ms: number) => sums.set(who, (sums.get(who) ?? 0) + ms);
      for (const { role, pid } of roles) add(role, processMs(pid));
      for (const name of names.values()) add(name, 0);
      const parent = timesOf(postmaster);
      add("PostgreSQL: shared", (parent?.ownMs ?? 0) + (parent?.endedMs ?? 0));
      for (const pid of readdirSync("/proc").map(Number)) {
        const times = Number.isNaN(pid) ? undefined : timesOf(pid);
        if (times?.parent !== postmaster) continue;
        add(names.get(databaseOf.get(pid) ?? "") ?? "PostgreSQL: shared", times.ownMs);
      }
      if (place.amqpUrl !== "") add("RabbitMQ", processMs(beam));
      add(loadRole, processMs(load.pid));
      return sums;
    },
  };
}
