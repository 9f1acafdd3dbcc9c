/** The life of an address as lanes. */
import test from "ava";
import type { AddressHistoryEntry } from "../../services/contracts/look-up.ts";
import {
  barOf,
  lanesOf,
  pieceAt,
  placeIn,
  ticksOf,
  windowOf,
} from "../../services/gateway/console/app/core/lanes.ts";

const ann = "01997b1e-7f6c-7c1e-9d3a-5b0f6f2a4c11";
const bob = "01987c20-1a2b-7d4e-8f60-5a4b3c2d1e0f";
const at = (text: string): number => Date.parse(text);
const entry = (
  userId: string | null,
  kind: "primary" | "secondary",
  from: string,
  until: string | null,
  status: "active" | "deleted" = "active",
): AddressHistoryEntry => ({ userId, version: 1, address: "ann.lee@example.com", kind, status, from, until });

const life = [
  entry(bob, "primary", "2026-06-01T00:00:00Z", null),
  entry(ann, "secondary", "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z", "deleted"),
  entry(ann, "primary", "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"),
];

test("Each owner has a lane, in the order in which they had the address", (t) => {
  const lanes = lanesOf(life);
  t.deepEqual(
    lanes.map(({ userId, pieces }) => [userId, pieces.map(({ kind }) => kind)]),
    [
      [ann, ["primary", "deleted"]],
      [bob, ["primary"]],
    ],
  );
});

test("What is kept for a deleted user is restorable first, then quarantined", (t) => {
  const [lane] = lanesOf(life, (userId) => (userId === ann ? "2026-02-10T00:00:00Z" : undefined));
  t.deepEqual(
    lane?.pieces.map(({ kind, untilMs }) => [kind, untilMs]),
    [
      ["primary", at("2026-02-01T00:00:00Z")],
      ["deleted", at("2026-02-10T00:00:00Z")],
      ["quarantined", at("2026-03-01T00:00:00Z")],
    ],
  );
});

test("A moment belongs to one piece, and between them to nobody", (t) => {
  const [first, second] = lanesOf(life);
  t.is(first && pieceAt(first, at("2026-01-31T23:59:59Z"))?.kind, "primary");
  t.is(first && pieceAt(first, at("2026-02-01T00:00:00Z"))?.kind, "deleted");
  t.is(first && pieceAt(first, at("2026-04-01T00:00:00Z")), undefined);
  t.is(second && pieceAt(second, at("2030-01-01T00:00:00Z"))?.kind, "primary");
});

test("The window holds the life, now, and the time that is asked about", (t) => {
  const now = at("2026-07-01T00:00:00Z");
  const span = windowOf(lanesOf(life), now, at("2020-01-01T00:00:00Z"));
  t.true(span.fromMs < at("2020-01-01T00:00:00Z") && span.untilMs > now);
  t.is(placeIn(span, span.fromMs - 1), 0);
  t.is(placeIn(span, span.untilMs + 1), 100);
  const empty = windowOf([], now, undefined);
  t.true(empty.fromMs < now && empty.untilMs > now);
});

test("A bar ends in its window, and one of a moment is still seen", (t) => {
  const span = { fromMs: 0, untilMs: 1_000_000 };
  t.deepEqual(barOf({ kind: "primary", fromMs: 250_000, untilMs: undefined, version: 1 }, span), {
    kind: "primary",
    x: 25,
    width: 75,
    goesOn: true,
  });
  const goesOn = { kind: "primary", fromMs: 250_000, untilMs: undefined, version: 1 } as const;
  t.is(barOf(goesOn, span, 750_000).width, 50, "nobody has an address in the time to come");
  t.true(barOf({ kind: "primary", fromMs: 0, untilMs: 1, version: 1 }, span).width > 0);
});

test("There are ticks for any window, six at most", (t) => {
  for (const ms of [60_000, 3_600_000, 86_400_000, 31 * 86_400_000, 20 * 365 * 86_400_000]) {
    const ticks = ticksOf({ fromMs: 1_767_225_600_000, untilMs: 1_767_225_600_000 + ms });
    t.true(ticks.length >= 1 && ticks.length <= 6, `${ms}: ${ticks.length}`);
  }
});

test("Somebody who was erased has a lane without a name", (t) => {
  t.deepEqual(
    lanesOf([entry(null, "primary", "2026-01-01T00:00:00Z", null)]).map(({ userId }) => userId),
    [null],
  );
});
