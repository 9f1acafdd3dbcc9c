/** What it costs to come by SCIM: creates as an identity provider makes them, beside those over REST, of one system. */
import { idFloor } from "../harness/commits.ts";
import { type CpuTimes, spent } from "../harness/cpu.ts";
import { type Bench, type Outcome, type Part, type Row, rowOf } from "../harness/part.ts";
import { interleaved } from "../harness/rounds.ts";
import { drained } from "../harness/settle.ts";
import { type System, startEmbedded, withSystems } from "../harness/systems.ts";
import { freshPrefix, saturatingConnections } from "../load/generator.ts";
import type { Work } from "../load/order.ts";

const subjects = [
  { name: "REST", kind: "create" },
  { name: "SCIM", kind: "create-scim" },
] as const;

interface Round {
  readonly perSecond: number;
  /** Milliseconds an answer, without the load; undefined where the machine does not tell. */
  readonly cpuMs: number | undefined;
}

const sum = (times: CpuTimes): number =>
  [...times].reduce((ms, [who, own]) => (who === "load generator" ? ms : ms + own), 0);

async function measure(
  { servers, scale }: Bench,
  system: System,
  kind: "create" | "create-scim",
): Promise<Round> {
  const { cpu, load } = servers;
  const before = await cpu?.times(system.processes, system.place);
  const work: Work = { kind, prefix: freshPrefix() };
  const pace = { connections: saturatingConnections, seconds: scale.seconds };
  const { answered, failed, failures, perSecond } = await load.run({ urls: system.urls, work, pace });
  if (failed > 0) throw new Error(`Creates failed: ${failures}`);
  await drained(system, idFloor(0));
  const after = await cpu?.times(system.processes, system.place);
  const isKnown = before !== undefined && after !== undefined;
  return { perSecond, cpuMs: isKnown ? sum(spent(before, after)) / answered : undefined };
}

export const scimPart: Part = {
  name: "scim",
  title: "Creates by SCIM",
  about:
    "One system of one process at saturation: creates over REST, and creates as identity providers make them, which look for the name first and keep what else was said.",
  run(bench): Promise<Outcome> {
    return withSystems([startEmbedded(bench.servers, "scim")], async ([system]) => {
      if (system === undefined) throw new Error("Cannot measure: there is no system");
      const rounds = await interleaved(bench, subjects, ({ kind }) => measure(bench, system, kind));
      const [reference, own] = subjects.map(({ name }) => rounds(name));
      const rates = (of: readonly Round[] = []) => of.map(({ perSecond }) => perSecond);
      const cpu = (of: readonly Round[] = []) => of.flatMap(({ cpuMs }) => cpuMs ?? []);
      const rows: Row[] = [
        rowOf("creates by REST", "/s", rates(reference)),
        rowOf("creates by SCIM", "/s", rates(own), { reference: rates(reference), goal: { atLeast: 0.8 } }),
      ];
      if (cpu(own).length > 0)
        rows.push(
          rowOf("CPU a create by REST", "ms CPU", cpu(reference)),
          rowOf("CPU a create by SCIM", "ms CPU", cpu(own), { reference: cpu(reference) }),
        );
      return { rows, figures: [] };
    });
  },
};
