/**
 * The bounds of the shapes beside the bare reference. Embedded: one process, no broker; two: all but the registry in one
 * process, the registry in the other; three: gateway | users, audit, outbox | smtp-registry.
 */
import type { Goal } from "./part.ts";

export const shapes = { embedded: "embedded", two: "two processes", three: "three processes" } as const;
export type Shape = keyof typeof shapes;

type PerShape = Readonly<Record<Shape, Goal>>;

const atMost = (embedded: number, two: number, three: number): PerShape => ({
  embedded: { atMost: embedded },
  two: { atMost: two },
  three: { atMost: three },
});

export const bounds = {
  /** Creates answered at saturation. */
  creates: { embedded: { atLeast: 1.1 }, two: { atLeast: 0.9 }, three: { atLeast: 0.75 } },
  createCpu: atMost(0.85, 1.1, 1.4),
  /** Commit → registry, by the creates a second. */
  delayP50: { 50: atMost(0.8, 1.1, 1.2), 500: atMost(1, 1.5, 2) },
  delayP99: atMost(2, 2, 2),
  /** RSS of a process to that of the reference's process of the same load, and of one process along a run. */
  memory: atMost(1.6, 1.6, 1.6),
  memoryGrowth: { atMost: 1.1 },
} as const satisfies Readonly<Record<string, Goal | PerShape | Readonly<Record<number, PerShape>>>>;

/** Of a system, by its name; undefined of the reference. */
export function boundOf(of: PerShape, systemName: string): Goal | undefined {
  const shape = (Object.keys(shapes) as Shape[]).find((each) => shapes[each] === systemName);
  return shape === undefined ? undefined : of[shape];
}
