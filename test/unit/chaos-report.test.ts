/** The page of a chaos run: it fits a telephone, and needs nothing but itself. */
import test from "ava";
import { Journal } from "../chaos/journal.ts";
import type { RunResult } from "../chaos/run.ts";
import { summaryOf } from "../chaos/summary.ts";
import { page } from "../chaos/timeline.ts";
import { unframed } from "../support/frames.ts";

const empty = { users: [], guards: [], audit: [], answers: [], addresses: [], watermarks: [], ledger: [] };
const result: RunResult = {
  seed: 7,
  schedule: [],
  faults: [],
  journal: new Journal(),
  facts: {
    ...empty,
    deliveries: [],
    outbox: 0,
    deadLetters: [],
    queued: {},
    readAt: "2026-01-01T00:00:00.000Z",
  },
  violations: [{ check: "audit", userId: "01997b1e-7f6c-7c1e-9d3a-5b0f6f2a4c11", what: "has <no> entry" }],
  samples: [{ atMs: 0, lag: undefined }],
  phases: { faultsFromMs: 1_000, faultsToMs: 2_000, endMs: 3_000 },
  healedAfterMs: undefined,
  unexpectedEnds: [],
  remarks: { "a long remark that a process has logged more than once": 3 },
  lateEffects: 0,
};
const html = page(result, summaryOf(result));

test("the page fits a telephone: the timeline and each table scroll in a frame of their own", (t) => {
  t.deepEqual(unframed(html), []);
});

test("the page needs no network, no script and no other file, and shows what it was told as text", (t) => {
  t.notRegex(html, /<script|<link|<img|@import|url\(|https?:|src=|href=/);
  t.true(html.includes("has &lt;no> entry"));
});
