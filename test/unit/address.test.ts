import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import test from "ava";
import fc from "fast-check";
import {
  addressKey,
  addressOctetsMax,
  displayOf,
  localPartOctetsMax,
  parseAddress,
} from "../../services/contracts/address.ts";
import { localKey } from "../../services/contracts/local-key.ts";

const root = join(import.meta.dirname, "../..");
const octets = (text: string): number => Buffer.byteLength(text);

const specials = [..."abcXYZ0189.+-_'?{}ßẞıİſKΣσςÅéüñøœﬁﬂ①ａ字ﾊпЖ́̈‍ǆǅΐϓ👩🏽"];
const locals = fc.oneof(
  fc.string({ unit: fc.constantFrom(...specials), minLength: 1, maxLength: 20 }),
  fc.string({ unit: "binary", minLength: 1, maxLength: 16 }),
  fc.stringMatching(/^[a-z][a-z0-9.+_-]{0,20}$/),
);
const domains = fc.constantFrom(
  "example.com",
  "EXAMPLE.com",
  "bücher.example",
  "xn--bcher-kva.example",
  "ma\u200bil。example",
  "ab--cd.example",
  "x",
);
const texts = fc.tuple(locals, domains).map(([local, domain]) => `${local}@${domain}`);

/** Only what is a valid address. */
const addresses = texts.filter((text) => parseAddress(text).ok);
const keyOf = (text: string): string | undefined => {
  const parsed = parseAddress(text);
  return parsed.ok ? parsed.key : undefined;
};

test("A key is its own key", (t) => {
  fc.assert(
    fc.property(addresses, (address) => {
      const key = addressKey(address);
      const again = parseAddress(key);
      if (again.ok) t.is(again.key, key);
      else t.regex(again.reason, /octets/); // normalisation may lengthen, nothing else may go wrong
    }),
    { numRuns: 2_000 },
  );
});

test("The key of a local part is stable, and blind to case and normal form, for every code point", (t) => {
  const unstable: string[] = [];
  for (let code = 0; code <= 0x10ffff; code += 1) {
    if (code >= 0xd800 && code <= 0xdfff) continue;
    const text = String.fromCodePoint(code);
    const key = localKey(text);
    const variants = [
      key,
      text.toUpperCase(),
      text.toLowerCase(),
      text.normalize("NFD"),
      text.normalize("NFKC"),
    ];
    if (variants.some((variant) => localKey(variant) !== key)) unstable.push(code.toString(16));
  }
  t.deepEqual(unstable, []);
});

test("An address as it is kept is kept as it is, under the same key, and may be as new as the one that was written", (t) => {
  fc.assert(
    fc.property(addresses, (address) => {
      const first = parseAddress(address);
      const again = parseAddress(displayOf(address));
      if (!first.ok || !again.ok) return t.fail(address);
      t.deepEqual(again, first);
    }),
    { numRuns: 1_000 },
  );
});

test("Two spellings that differ only in case or in normal form have one key", (t) => {
  fc.assert(
    fc.property(addresses, (address) => {
      const key = addressKey(address);
      const [local = "", domain = ""] = address.split(/@(?=[^@]*$)/);
      const variants = [
        address.normalize("NFD"),
        address.normalize("NFC"),
        `${local.toLowerCase()}@${domain}`,
        `${local.toUpperCase()}@${domain}`,
        `${local}@${domain.toUpperCase()}`,
      ];
      for (const variant of variants) t.true([key, undefined].includes(keyOf(variant)), variant);
    }),
    { numRuns: 1_000 },
  );
});

test("Parsing never throws, and what it takes is within the limits", (t) => {
  fc.assert(
    fc.property(fc.oneof(texts, fc.string({ unit: "binary", maxLength: 300 }), fc.string()), (text) => {
      const parsed = parseAddress(text);
      if (!parsed.ok) return t.false(parsed.reason.includes(text.length > 8 ? text : "\0"));
      t.true(parsed.display.startsWith(`${parsed.local}@`) && text.startsWith(`${parsed.local}@`));
      t.true(octets(parsed.local) <= localPartOctetsMax && octets(text) <= addressOctetsMax);
    }),
    { numRuns: 2_000 },
  );
});

const merged: readonly (readonly string[])[] = [
  ["straße", "strasse", "STRASSE", "STRAẞE", "straẞe"],
  ["ﬁn", "fin", "FIN"],
  ["\u212a", "k", "K"],
  ["ς", "Σ", "σ"],
  ["ΜΑΪΟΣ", "μαϊος", "μαϊοσ"],
  ["ı", "i", "I"],
  ["ſ", "s"],
  ["Å", "\u212b", "A\u030a", "å"],
  ["ａｎｎ", "ann"],
];
for (const [first = "", ...others] of merged)
  test(`${[first, ...others].join(", ")} are one local part`, (t) => {
    for (const other of others) t.is(addressKey(`${other}@example.com`), addressKey(`${first}@example.com`));
  });

test("Dots, plus-tags and accents tell addresses apart", (t) => {
  const keys = ["annlee", "ann.lee", "ann+lee", "ann-lee", "ann_lee", "ánnlee", "annlee2"].map((local) =>
    addressKey(`${local}@example.com`),
  );
  t.is(new Set(keys).size, keys.length);
});

test("A domain has one key however it is written", (t) => {
  const forms = [
    "bücher.example",
    "BÜCHER.example",
    "bu\u0308cher.example",
    "xn--bcher-kva.example",
    "bücher。example",
  ];
  for (const domain of forms) t.is(addressKey(`ann@${domain}`), "ann@xn--bcher-kva.example");
  t.not(addressKey("ann@faß.example"), addressKey("ann@fass.example"));
});

const refused: Readonly<Record<string, string>> = {
  "an invalid A-label": "ann@xn--a",
  "an invalid A-label below a top level": "ann@xn--a.com",
  "two dots in a row": "a..b@example.com",
  "two dots that only normalisation shows": "a．．b@example.com",
  "an @ that only normalisation shows": "a＠b@example.com",
  "quotes that only normalisation shows": "＂a＂@example.com",
  "a space that only normalisation shows": "a\u00a0b@example.com",
  "a code point that no Unicode version has assigned": "a\u0378@example.com",
  "a private code point": "a\ue000@example.com",
  "half of a surrogate pair": "a\ud800@example.com",
  "no local part": "@example.com",
  "no domain": "ann@",
  "no @": "ann",
  nothing: "",
  "surrounding space": " ann@example.com",
  "a line break": "ann@example.com\n",
  "a quoted local part": '"ann"@example.com',
  "a comment": "ann(lee)@example.com",
  "an address literal": "ann@[127.0.0.1]",
  "an underscore in the domain": "ann@a_b.example",
  "a leading hyphen in the domain": "ann@-a.example",
  "a trailing dot": "ann@example.com.",
};
for (const [title, text] of Object.entries(refused))
  test(`An address with ${title} is refused`, (t) => t.false(parseAddress(text).ok));

test("The limits count octets: 64 before the @, 254 in all", (t) => {
  const domainOf = (length: number): string => {
    const labels = "a.".repeat(Math.floor((length - 1) / 2));
    return `${labels}${"b".repeat(length - labels.length)}`;
  };
  t.true(parseAddress(`${"a".repeat(64)}@example.com`).ok);
  t.false(parseAddress(`${"a".repeat(65)}@example.com`).ok);
  t.true(parseAddress(`${"é".repeat(32)}@example.com`).ok);
  t.false(parseAddress(`${"é".repeat(32)}a@example.com`).ok);
  t.true(parseAddress(`${"a".repeat(64)}@${domainOf(189)}`).ok);
  t.false(parseAddress(`${"a".repeat(64)}@${domainOf(190)}`).ok);
});

const script = `
  import { createHash } from "node:crypto";
  import { parseAddress } from "./services/contracts/address.ts";
  const chunks = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  const keyOf = (text) => {
    const parsed = parseAddress(text);
    return parsed.ok ? [parsed.key, parsed.display, parsed.objection].join() : parsed.reason;
  };
  const digests = [];
  for (let start = 0; start < 0x34000; start += 256) {
    const hash = createHash("sha256");
    for (let code = start; code < start + 256; code += 1)
      hash.update(keyOf("a" + String.fromCodePoint(code).toWellFormed() + "@x"));
    digests.push(start.toString(16) + " " + hash.digest("hex"));
  }
  const texts = JSON.parse(Buffer.concat(chunks).toString());
  console.log(JSON.stringify({ digests, keys: texts.map(keyOf) }));
`;

interface Keys {
  readonly digests: readonly string[];
  readonly keys: readonly string[];
}

async function keysOn(runtime: readonly string[], samples: readonly string[]): Promise<Keys> {
  const [command = "", ...args] = runtime;
  const running = promisify(execFile)(join(root, "node_modules/.bin", command), [...args, script], {
    cwd: root,
  });
  running.child.stdin?.end(JSON.stringify(samples));
  return JSON.parse((await running).stdout) as Keys;
}

test("Node and Deno give every address the same key, and so every block of 256 code points", async (t) => {
  const samples = [
    ...fc.sample(texts, { numRuns: 1_500, seed: 5321 }),
    ...merged.flat().map((local) => `${local}@example.com`),
    ...Object.values(refused),
  ].map((text) => text.toWellFormed());
  const [node, deno] = await Promise.all([
    keysOn(["node", "--input-type=module", "--eval"], samples),
    keysOn(["deno", "eval"], samples),
  ]);
  t.is(node.keys.length, samples.length);
  t.deepEqual(
    deno.keys.filter((key, index) => key !== node.keys[index]),
    [],
  );
  t.deepEqual(
    deno.digests.filter((digest, index) => digest !== node.digests[index]),
    [],
  );
});
