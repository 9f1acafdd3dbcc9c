import test from "ava";
import fc from "fast-check";
import { addressOctetsMax, localPartOctetsMax, parseAddress } from "../../services/contracts/address.ts";
import { dayMs, freedBefore, statusOf } from "../../services/contracts/terms.ts";
import { blockedNames } from "../../services/smtp-registry/blocked.ts";
import { ledgerEntries } from "../../services/smtp-registry/history.ts";
import { judge, newestOf } from "../../services/smtp-registry/projection.ts";
import { nextSpan } from "../../services/smtp-registry/suffix-choice.ts";
import { counterKey, suffixesOf, truncate } from "../../services/smtp-registry/suffix-rule.ts";
import { Life } from "../support/life.ts";

const now = new Date("2026-03-01T12:00:00.000Z");
const terms = { tombstoneDays: 30, quarantineDays: 365 };

const blocked = blockedNames(["postmaster", "web2", "Straße"]);

/** What an address becomes with a number; undefined: no such address is given. */
function suffixed(base: string, suffix: number): { address: string; key: string } | undefined {
  const { domain, keyDomain, ranges } = suffixesOf(base, blocked);
  const range = ranges.find(({ first, last }) => first <= suffix && suffix <= last);
  if (range === undefined || range.passed.some((begins) => String(suffix).startsWith(begins)))
    return undefined;
  return { address: `${range.stem}${suffix}@${domain}`, key: `${range.keyStem}${suffix}@${keyDomain}` };
}

test("A suffixed address is the base with the number before the @", (t) => {
  t.deepEqual(suffixed("Ann.Lee@Example.com", 2), {
    address: "Ann.Lee2@Example.com",
    key: "ann.lee2@example.com",
  });
});

const parts = fc.array(fc.constantFrom("a", "Z", "é", "字", "👩🏽", "e\u0301", "ß", ".x", "-", "+"), {
  minLength: 1,
  maxLength: 70,
});
const bases = fc
  .tuple(parts, fc.constantFrom("x", "example.com", `${"d.".repeat(94)}de`, `${"d.".repeat(110)}de`))
  .map(([units, domain]) => `${units.join("")}@${domain}`)
  .filter((text) => parseAddress(text).ok);

test("Every suffixed address is valid, within the limits, and of whole characters of its base", (t) => {
  const segments = (text: string) =>
    [...new Intl.Segmenter("und").segment(text)].map(({ segment }) => segment);
  fc.assert(
    fc.property(bases, fc.integer({ min: 2, max: 999_999 }), (base, suffix) => {
      const found = suffixed(base, suffix);
      if (found === undefined) return t.pass();
      const parsed = parseAddress(found.address);
      t.true(parsed.ok && parsed.key === found.key);
      const local = found.address.slice(0, found.address.lastIndexOf("@"));
      t.true(Buffer.byteLength(local) <= localPartOctetsMax);
      t.true(Buffer.byteLength(found.address) <= addressOctetsMax);
      t.true(local.endsWith(String(suffix)));
      const stem = segments(local.slice(0, -String(suffix).length));
      t.deepEqual(segments(base).slice(0, stem.length), stem);
    }),
    { numRuns: 500 },
  );
});

test("A cut never leaves a dot before the number, nor half a character", (t) => {
  t.is(suffixed(`${"a".repeat(62)}.b@x`, 10)?.address, `${"a".repeat(62)}10@x`);
  t.is(truncate("e\u0301e\u0301", 5), "e\u0301");
  t.is(truncate("👩🏽x", 7), "");
});

test("A cut leaves room for the domain in A-labels, and nothing that may only stand before what was cut off", (t) => {
  const domain = `${"aö.".repeat(19)}example`;
  const found = suffixed(`${"a".repeat(56)}@${domain}`, 2);
  t.is(found?.address, `${"a".repeat(55)}2@${domain}`);
  t.is(Buffer.byteLength(found?.key ?? ""), addressOctetsMax);
  t.is(suffixed(`${"a".repeat(60)}l\u00b7l@x`, 2)?.address, `${"a".repeat(60)}l2@x`);
  t.is(suffixed(`a${"آ".repeat(27)}می\u200cخ@x`, 2)?.address, `a${"آ".repeat(27)}می2@x`);
});

test("Each number of an address that needs no cut stands in one range, and none where no digit fits", (t) => {
  t.deepEqual(
    suffixesOf("ann@example.com", blocked).ranges.map(({ first, last }) => [first, last]),
    [[2, 999_999_999]],
  );
  const domain = `${"d".repeat(60)}.${"d".repeat(60)}.${"d".repeat(60)}.${"d".repeat(60)}.`;
  t.deepEqual(suffixesOf(`w@${domain}${"e".repeat(8)}`, blocked).ranges, []);
  t.deepEqual(
    suffixesOf(`w@${domain}${"e".repeat(6)}`, blocked).ranges.map(({ first, last }) => [first, last]),
    [[2, 99]],
  );
});

test("Bases whose candidates would collide share a counter, others do not", (t) => {
  t.is(counterKey(`${"a".repeat(63)}x@x`), counterKey(`${"a".repeat(63)}y@x`));
  t.not(counterKey("ann@x"), counterKey("ann2@x"));
});

test("A search for a suffix looks on for as long as a look fits into what is left, and no further", (t) => {
  t.is(nextSpan(16, 2, 1_000, 32_768), 256);
  t.is(nextSpan(4_096, 40, 1_000, 32_768), 32_768);
  t.is(nextSpan(4_096, 40, 100, 32_768), 8_192);
  t.is(nextSpan(32_768, 400, 500, 32_768), 32_768);
  for (const leftMs of [399, 1, 0, -1]) t.is(nextSpan(32_768, 400, leftMs, 32_768), undefined);
  t.is(nextSpan(16, 0, 0.5, 32_768), undefined);
  t.is(nextSpan(256, 5, 100, 327), 327);
});

test("Blocked names are blocked by key, in every domain, and no other is", (t) => {
  for (const key of ["postmaster@a", "strasse@x", "web2@b.example"]) t.true(blocked.has(key), key);
  for (const key of ["postmaster2@a", "ann@postmaster", "post.master@a", "web@x"])
    t.false(blocked.has(key), key);
});

test("No number makes a blocked name of an address, nor a blocked name and digits", (t) => {
  t.is(suffixed("web@x", 2), undefined);
  t.is(suffixed("web@x", 27), undefined);
  t.is(suffixed("web@x", 3)?.key, "web3@x");
  for (const base of ["postmaster@x", "postmaster7@x", "PostMaster77@x"])
    t.is(suffixed(base, 2), undefined, base);
  t.is(suffixed("postmasters@x", 2)?.key, "postmasters2@x");
});

test("A row's status follows the clock and the terms, to the millisecond", (t) => {
  const deleted = (agoMs: number) => ({
    status: "deleted" as const,
    deletedAt: new Date(now.getTime() - agoMs),
  });
  const of = (holding: Parameters<typeof statusOf>[0]) => statusOf(holding, now, terms);
  t.is(of(undefined), "available");
  t.is(of({ status: "active", deletedAt: null }), "active");
  t.is(of({ status: "reserved", deletedAt: null }), "reserved");
  t.deepEqual(
    [of(deleted(0)), of(deleted(30 * dayMs - 1)), of(deleted(30 * dayMs))],
    ["deleted", "deleted", "quarantined"],
  );
  t.deepEqual([of(deleted(395 * dayMs - 1)), of(deleted(395 * dayMs))], ["quarantined", "available"]);
  t.is(freedBefore(now, terms).getTime(), now.getTime() - 395 * dayMs);
});

test("An event's ledger entries are what it gave, took and changed; told again, all that the user has", (t) => {
  const life = new Life(now);
  const brief = (event: Parameters<typeof ledgerEntries>[0]) =>
    ledgerEntries(event).map(({ key, kind, state }) => `${key} ${kind} ${state}`);
  t.deepEqual(brief(life.create("a@x", "b@x", "c@x")), [
    "a@x primary active",
    "b@x secondary active",
    "c@x secondary active",
  ]);
  t.deepEqual(brief(life.update("b@x", "a@x", "c@x")), ["b@x primary active", "a@x secondary active"]);
  t.deepEqual(brief(life.update("B@x", "a@x", "c@x")), ["b@x primary active"]);
  t.deepEqual(brief(life.update("B@x", "c@x")), ["a@x null removed"]);
  t.deepEqual(brief(life.tellAgain()), ["b@x primary active", "c@x secondary active"]);
  t.deepEqual(brief(life.remove()), ["b@x primary deleted", "c@x secondary deleted"]);
  t.deepEqual(brief(life.restore()), ["b@x primary active", "c@x secondary active"]);
});

test("Events are judged against the watermark as it moves through the batch", (t) => {
  const life = new Life(now);
  const [one, two, three] = [life.create("a@x"), life.update("b@x"), life.update("c@x")];
  const marks = new Map([[life.id, 1]]);
  t.deepEqual(judge([one, three, two, three], marks), ["duplicate", "processed", "stale", "duplicate"]);
  t.is(newestOf([one, three, two]).get(life.id), three);
});
