/**
 * Times as people read them: absolute, with milliseconds and zone; how long ago beside it.
 *
 * Promise: a time that somebody picks is one moment. Of an hour that there is twice, both are offered; of one that
 * there is not, none.
 */

/** An IANA name, or UTC. */
export type Zone = string;

const partsOf = (ms: number, zone: Zone): Record<string, string> => {
  const format = new Intl.DateTimeFormat("en-GB", {
    timeZone: zone,
    hourCycle: "h23",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  });
  return Object.fromEntries(format.formatToParts(ms).map(({ type, value }) => [type, value]));
};

const minuteMs = 60_000;

/** East of Greenwich, in minutes. */
export function offsetMinutes(ms: number, zone: Zone): number {
  if (zone === "UTC") return 0;
  const { year, month, day, hour, minute, second } = partsOf(ms, zone);
  const local = Date.UTC(
    Number(year),
    Number(month) - 1,
    Number(day),
    Number(hour),
    Number(minute),
    Number(second),
  );
  return Math.round((local - Math.floor(ms / 1_000) * 1_000) / minuteMs);
}

const two = (value: number): string => String(Math.floor(value)).padStart(2, "0");

export function offsetText(minutes: number): string {
  if (minutes === 0) return "Z";
  const size = Math.abs(minutes);
  return `${minutes < 0 ? "-" : "+"}${two(size / 60)}:${two(size % 60)}`;
}

/** Without zone, as an input of type datetime-local has it. */
const localText = (ms: number, zone: Zone): string =>
  new Date(ms + offsetMinutes(ms, zone) * minuteMs).toISOString().slice(0, -1);

/** `2026-03-02 10:00:00.004 Z`; the same in each language, so that it can be compared and pasted. */
export function momentText(iso: string, zone: Zone): string {
  const ms = Date.parse(iso);
  if (Number.isNaN(ms)) return iso;
  return `${localText(ms, zone).replace("T", " ")} ${offsetText(offsetMinutes(ms, zone))}`;
}

/** A day, for what takes months. */
export const dayText = (ms: number, zone: Zone): string => localText(ms, zone).slice(0, 10);

/** To the minute, as the input takes it. */
export const pickedText = (iso: string, zone: Zone): string => {
  const ms = Date.parse(iso);
  return Number.isNaN(ms) ? "" : localText(ms, zone).slice(0, 16);
};

const dayMs = 24 * 60 * minuteMs;

/** The moments that a clock on the wall of this zone showed as `2026-10-25T02:30`: one, two, or none. */
export function momentsOf(picked: string, zone: Zone): string[] {
  const wall = Date.parse(`${picked}Z`);
  if (Number.isNaN(wall)) return [];
  const offsets = new Set([wall - dayMs, wall + dayMs].map((ms) => offsetMinutes(ms, zone)));
  const moments = [...offsets].map((offset) => wall - offset * minuteMs);
  const shown = (ms: number): boolean => ms + offsetMinutes(ms, zone) * minuteMs === wall;
  return moments
    .filter(shown)
    .sort((one, other) => one - other)
    .map((ms) => new Date(ms).toISOString());
}

const steps = [
  { unit: "d", seconds: 86_400 },
  { unit: "h", seconds: 3_600 },
  { unit: "min", seconds: 60 },
] as const;

/** `14 min`, `3 d`, `4 ms`: one unit, rounded down unless told otherwise. */
export function spanText(seconds: number, rounded: (value: number) => number = Math.floor): string {
  const size = Math.abs(seconds);
  const step = steps.find((each) => size >= each.seconds);
  if (step !== undefined) return `${rounded(size / step.seconds)} ${step.unit}`;
  return size < 1 && size > 0 ? `${Math.round(size * 1_000)} ms` : `${rounded(size)} s`;
}

/** How far a moment is from now; one to come to the nearest unit, so that a term just begun is told whole. */
export function relativeText(iso: string, nowMs: number): string {
  const seconds = (nowMs - Date.parse(iso)) / 1_000;
  if (Number.isNaN(seconds)) return "";
  if (Math.abs(seconds) < 1) return "now";
  return seconds > 0 ? `${spanText(seconds)} ago` : `in ${spanText(seconds, Math.round)}`;
}
