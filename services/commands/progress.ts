/**
 * How far a long command is: a bar on stderr with the rate and the time that is left, on a terminal only. Into a pipe or
 * a file nothing is written.
 */
import { Presets, SingleBar } from "cli-progress";

const redrawsPerSecond = 5;
const secondMs = 1_000;

export interface Progress {
  /** `done` of `total` are what the bar shows (bytes of a file, say); `items` are what is counted in words. */
  update(done: number, total: number, items: number): void;
  /** The bar goes away; what is printed afterwards stands on lines of its own. */
  stop(): void;
}

const silent: Progress = { update() {}, stop() {} };

const duration = (seconds: number): string => {
  if (!Number.isFinite(seconds)) return "…";
  const whole = Math.round(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const pad = (part: number) => String(part).padStart(2, "0");
  return `${hours > 0 ? `${hours}:` : ""}${pad(minutes)}:${pad(whole % 60)}`;
};

/** What stands beside the bar: how many, how fast, and how long it will still take at the pace so far. */
export function progressText(share: number, items: number, seconds: number, noun: string): string {
  const rate = seconds > 0 ? Math.round(items / seconds) : 0;
  const leftSeconds = share > 0 ? (seconds / share) * (1 - share) : Number.POSITIVE_INFINITY;
  return `${items} ${noun}, ${rate}/s, ${duration(leftSeconds)} left`;
}

/** `noun` in the plural: `rows`. */
export function progressBar(noun: string, stream: NodeJS.WriteStream = process.stderr): Progress {
  if (stream.isTTY !== true) return silent;
  const format = "{bar} {percentage}%  {text}";
  const bar = new SingleBar(
    { format, stream, fps: redrawsPerSecond, clearOnComplete: true, hideCursor: true, linewrap: false },
    Presets.shades_classic,
  );
  const startMs = performance.now();
  bar.start(1, 0, { text: "" });
  return {
    update(done, total, items) {
      const share = total === 0 ? 1 : Math.min(1, done / total);
      const seconds = (performance.now() - startMs) / secondMs;
      bar.update(share, { text: progressText(share, items, seconds, noun) });
    },
    stop: () => bar.stop(),
  };
}
