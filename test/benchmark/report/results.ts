/** What a run has found, as results.json holds it. */
import type { Machine } from "../harness/machine.ts";
import { type Judgement, judgementOf, type MachineNoise } from "../harness/noise.ts";
import type { Options } from "../harness/options.ts";
import type { Calibration, Figure, Row } from "../harness/part.ts";

export interface JudgedRow extends Row, Judgement {}

export interface PartResult {
  readonly name: string;
  readonly title: string;
  readonly about: string;
  readonly seconds: number;
  /** Of the machine while the part ran. */
  readonly noise: MachineNoise;
  readonly rows: readonly JudgedRow[];
  readonly figures: readonly Figure[];
  /** Why there are no rows. */
  readonly failure?: string;
}

export interface Results {
  readonly date: string;
  readonly seconds: number;
  /** Whether all parts that were asked for are in it. */
  readonly isComplete: boolean;
  readonly machine: Machine;
  readonly options: Omit<Options, "list" | "out" | "accept">;
  readonly noise: MachineNoise;
  readonly calibrations: readonly Calibration[];
  readonly parts: readonly PartResult[];
}

export const judge = (row: Row): JudgedRow => ({ ...row, ...judgementOf(row) });
