import test from "ava";
import { latenessGauge } from "../../mixins/moleculer/lateness.ts";

test("clocks that differ make no call late, and a delay beyond the usual is told", (t) => {
  const latenessOf = latenessGauge();
  const offset = 86_400_000;
  t.is(latenessOf({ by: "a", atMs: 1_000 }, 1_000 + offset + 3), 0);
  t.is(latenessOf({ by: "a", atMs: 2_000 }, 2_000 + offset + 1), 0);
  t.is(latenessOf({ by: "a", atMs: 3_000 }, 3_000 + offset + 10_001), 10_000);
  t.is(latenessOf({ by: "a", atMs: 14_000 }, 14_000 + offset + 1), 0);
});

test("a sender that started again has a clock of its own", (t) => {
  const latenessOf = latenessGauge();
  latenessOf({ by: "first start", atMs: 500_000 }, 500_000);
  t.is(latenessOf({ by: "second start", atMs: 10 }, 500_500), 0);
});

test("clocks that drift apart are followed, and a late call after a silence is late all the same", (t) => {
  const latenessOf = latenessGauge();
  const drift = 1.0001;
  for (let at = 0; at < 3_600_000; at += 1_000)
    t.true(latenessOf({ by: "a", atMs: at }, at * drift) < 50, `after ${at} ms`);
  const later = 3_600_000 + 600_000;
  t.true(latenessOf({ by: "a", atMs: later }, later * drift + 5_000) > 4_900);
});
