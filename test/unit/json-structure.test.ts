/** The faults of a JSON text that JSON.parse takes in silence. */
import test from "ava";
import fc from "fast-check";
import { structureFault } from "../../services/gateway/http/json-structure.ts";

const levelsMax = 16;
const fault = (json: string) => {
  JSON.parse(json);
  return structureFault(json, levelsMax);
};
const repeated = (member: string) => ({ kind: "repeated", member });

test("a member that an object has twice is a fault, at any depth and however it is written", (t) => {
  for (const [json, member] of [
    ['{"a":1,"a":1}', "a"],
    ['{"a":1,"\\u0061":2}', "a"],
    ['{"\\"":1,"\\u0022":2}', '"'],
    ['{"":1,"":2}', ""],
    ['{"__proto__":1,"__proto__":2}', "__proto__"],
    ['{"é":1,"\\u00e9":2}', "é"],
    ['[[{"x":{"b":[],"c":{},"b":""}}]]', "b"],
    ['{"a":{"b":1},"c":2,"a":3}', "a"],
    ['{"a":{"a":{"a":1,"b":2,"a":3}}}', "a"],
    ['{ "a" : 1 ,\n"a"\t: 2 }', "a"],
  ] as const)
    t.deepEqual(fault(json), repeated(member), json);
});

test("members of several objects, values and what only looks like a member are none", (t) => {
  for (const json of [
    "{}",
    "[]",
    '""',
    "1",
    '{"a":"a","b":"a"}',
    '[{"a":1},{"a":1}]',
    '{"a":{"a":{"a":1}}}',
    '{"a":{"b":1},"b":{"a":1}}',
    '{"a":"\\",\\"a\\":1"}',
    '{"a":"\\\\","b":"{[:"}',
    '{"a":1,"A":1,"á":1,"a\\u0301":1}',
  ])
    t.is(fault(json), undefined, json);
});

test("what nests too deep is a fault, also where JSON.parse drops it for a repeated member", (t) => {
  const nested = (depth: number, inner = "1") => `${'{"a":'.repeat(depth)}${inner}${"}".repeat(depth)}`;
  t.is(fault(nested(levelsMax)), undefined);
  t.deepEqual(fault(nested(levelsMax + 1)), { kind: "too-deep" });
  t.deepEqual(fault(`${"[".repeat(100_000)}${"]".repeat(100_000)}`), { kind: "too-deep" });
  t.deepEqual(fault(`{"a":${nested(levelsMax)},"a":1}`), { kind: "too-deep" });
  t.deepEqual(fault(`{"a":${nested(levelsMax, '{"b":1,"b":1}')},"a":1}`), { kind: "too-deep" });
});

test("any object has a fault exactly when one of its members is written once more", (t) => {
  const key = fc.string({ unit: fc.constantFrom("a", "b", '"', "\\", ":", "{", "é"), maxLength: 3 });
  const object = fc.dictionary(key, fc.jsonValue({ maxDepth: 3 }), { minKeys: 1, noNullPrototype: true });
  fc.assert(
    fc.property(object, fc.nat(), (value, pick) => {
      const json = JSON.stringify(value);
      t.is(fault(json), undefined, json);
      const names = Object.keys(value);
      const member = names[pick % names.length] as string;
      const escaped = [...member].map((c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`).join("");
      const again = `${json.slice(0, -1)},"${escaped}":0}`;
      t.deepEqual(fault(again), repeated(member), again);
    }),
  );
});
