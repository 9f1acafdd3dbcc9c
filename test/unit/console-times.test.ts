/** Times as the console tells them, and as somebody picks one. */
import test from "ava";
import {
  momentsOf,
  momentText,
  offsetMinutes,
  offsetText,
  pickedText,
  relativeText,
  spanText,
} from "../../services/gateway/console/app/core/times.ts";

const berlin = "Europe/Berlin";

test("A moment is told with milliseconds and zone", (t) => {
  const at = "2026-03-02T10:00:00.004Z";
  t.is(momentText(at, "UTC"), "2026-03-02 10:00:00.004 Z");
  t.is(momentText(at, berlin), "2026-03-02 11:00:00.004 +01:00");
  t.is(momentText(at, "Asia/Kolkata"), "2026-03-02 15:30:00.004 +05:30");
  t.is(momentText(at, "America/St_Johns"), "2026-03-02 06:30:00.004 -03:30");
  t.is(momentText("no time", berlin), "no time");
});

test("An offset is of its day", (t) => {
  t.is(offsetMinutes(Date.parse("2026-01-01T00:00:00Z"), berlin), 60);
  t.is(offsetMinutes(Date.parse("2026-07-01T00:00:00Z"), berlin), 120);
  t.is(offsetText(-210), "-03:30");
});

test("A picked time is one moment", (t) => {
  t.deepEqual(momentsOf("2026-03-02T10:00", "UTC"), ["2026-03-02T10:00:00.000Z"]);
  t.deepEqual(momentsOf("2026-03-02T10:00", berlin), ["2026-03-02T09:00:00.000Z"]);
  t.is(pickedText("2026-03-02T09:00:00.000Z", berlin), "2026-03-02T10:00");
  t.deepEqual(momentsOf("", berlin), []);
});

test("An hour that there is twice is two moments, and one that there is not is none", (t) => {
  t.deepEqual(momentsOf("2026-10-25T02:30", berlin), [
    "2026-10-25T00:30:00.000Z",
    "2026-10-25T01:30:00.000Z",
  ]);
  t.deepEqual(momentsOf("2026-03-29T02:30", berlin), []);
});

test("A span is told in one unit", (t) => {
  const spans: readonly (readonly [number, string])[] = [
    [0, "0 s"],
    [0.004, "4 ms"],
    [59, "59 s"],
    [60, "1 min"],
    [3_599, "59 min"],
    [86_399, "23 h"],
    [172_800, "2 d"],
  ];
  for (const [seconds, text] of spans) t.is(spanText(seconds), text);
});

test("How far a moment is away is told for both directions", (t) => {
  const now = Date.parse("2026-03-02T10:00:00Z");
  t.is(relativeText("2026-03-02T09:46:00Z", now), "14 min ago");
  t.is(relativeText("2026-03-03T10:00:00Z", now), "in 1 d");
  t.is(relativeText("2026-03-02T10:00:00.200Z", now), "now");
  t.is(relativeText("2026-04-01T09:59:58Z", now), "in 30 d", "a term just begun is told whole");
  t.is(relativeText("2026-01-31T10:00:02Z", now), "29 d ago", "of what has been only what is over counts");
});
