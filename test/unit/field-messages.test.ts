/** What is wrong with a value is said in words that complete the field's name, and without the value. */
import test from "ava";
import { ServiceBroker } from "moleculer";
import * as z from "zod";
import { params, SchemaValidator } from "../../mixins/moleculer/validation.ts";
import { actions } from "../../services/contracts/actions.ts";
import { Refusal } from "../../services/contracts/errors.ts";

const broker = new ServiceBroker({ logger: false, validator: new SchemaValidator() });
const Shape = z.strictObject({ value: z.unknown() });
let created = 0;

/** What a call of an action with this schema is refused with, `detail` by pointer. */
async function refusal(schema: z.ZodType, given: unknown): Promise<Record<string, string>> {
  const name = `probe-${created++}`;
  broker.createService({ name, actions: { run: { params: params(schema), handler: () => null } } });
  await broker.waitForServices(name);
  const error = await broker.call(`${name}.run`, given).catch((thrown: unknown) => thrown);
  if (!(error instanceof Refusal)) throw new Error(`Cannot judge ${name}: it was not refused`);
  return Object.fromEntries((error.data.errors ?? []).map(({ pointer, detail }) => [pointer, detail]));
}

test.before(() => broker.start());
test.after.always(() => broker.stop());

const one = (schema: z.ZodType) => Shape.extend({ value: schema });
const forms = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("primary") }),
  z.object({ kind: z.literal("secondary") }),
]);

const cases: readonly (readonly [string, z.ZodType, unknown, string])[] = [
  ["a string that is missing", z.string(), undefined, "is missing"],
  ["a choice that is missing", z.enum(["a", "b"]), undefined, "is missing"],
  ["an array that is missing", z.array(z.string()), undefined, "is missing"],
  ["a union that is missing", z.union([z.string(), z.int()]), undefined, "is missing"],
  ["a number for a string", z.string(), 5, "must be a string"],
  ["null for a string", z.string(), null, "must be a string"],
  ["a string for a number", z.number(), "x", "must be a number"],
  ["a text that is no number", z.coerce.number().int(), "many", "must be a number"],
  ["a fraction for a whole number", z.coerce.number().int(), "1.5", "must be a whole number"],
  ["a string for a boolean", z.boolean(), "yes", "must be true or false"],
  ["an object for an array", z.array(z.string()), {}, "must be an array"],
  ["a string for an object", z.object({}), "x", "must be an object"],
  ["a member that must not be there", z.never(), 1, "must not be given"],
  ["too small a number", z.int().min(1), 0, "must be at least 1"],
  ["too big a number", z.int().max(200), 201, "must be at most 200"],
  ["a number at an open bound", z.number().gt(0), 0, "must be more than 0"],
  ["an empty string", z.string().min(1), "", "must not be empty"],
  ["too short a string", z.string().min(3), "ab", "must have at least 3 characters"],
  ["too long a string", z.string().max(1), "ab", "must have at most 1 character"],
  ["a string of another length", z.string().length(2), "a", "must have exactly 2 characters"],
  ["an empty array", z.array(z.string()).min(1), [], "must not be empty"],
  ["too long an array", z.array(z.int()).max(2), [1, 2, 3], "must have at most 2 items"],
  ["no UUID", z.uuid(), "7", "must be a UUID"],
  ["no time", z.iso.datetime(), "yesterday", "must be a time such as 2026-03-02T09:30:00Z (RFC 3339)"],
  ["another pattern", z.string().regex(/^[a-z]+$/), "A", "must match the pattern /^[a-z]+$/"],
  ["another beginning", z.string().startsWith("a"), "b", 'must begin with "a"'],
  ["none of the choices", z.enum(["asc", "desc"]), "up", 'must be one of "asc", "desc"'],
  ["not the one value", z.literal("1.0"), "2", 'must be "1.0"'],
  ["no multiple", z.int().multipleOf(5), 7, "must be a multiple of 5"],
  ["none of a union's forms", z.union([z.string(), z.int()]), true, "must be a string, or must be a number"],
  ["a record's name", z.record(z.enum(["a"]), z.int()), { b: 1 }, "is missing"],
];
for (const [title, schema, value, detail] of cases)
  test(`${title}: ${detail}`, async (t) => {
    const told = await refusal(one(schema), { value });
    t.true(Object.values(told).includes(detail), JSON.stringify(told));
  });

test("a form that is missing or unknown is told at the member that names it", async (t) => {
  t.deepEqual(await refusal(forms, {}), { "#/kind": "is missing" });
  t.deepEqual(await refusal(forms, { kind: "third" }), { "#/kind": 'must be one of "primary", "secondary"' });
});

test("an unknown member is told under its own pointer", async (t) => {
  t.deepEqual(await refusal(z.strictObject({}), { a: 1, "b/c": 2 }), {
    "#/a": "is not a known member",
    "#/b~1c": "is not a known member",
  });
});

test("what a schema says itself goes before the general words", async (t) => {
  t.deepEqual(await refusal(one(z.string().max(2, "must have at most 2 letters")), { value: "abc" }), {
    "#/value": "must have at most 2 letters",
  });
});

/** zod's own sentences begin with a capital letter. */
const hostile: readonly unknown[] = [undefined, null, "", "x", -1, 1e9, 1.5, true, [], [null], {}, { a: 1 }];
for (const [name, { params: schema }] of Object.entries(actions))
  test(`no refusal of ${name} is in the validator's own words`, async (t) => {
    const names = Object.keys(schema.shape);
    for (const value of hostile) {
      const given = Object.fromEntries([...names, "nobody"].map((member) => [member, value]));
      for (const [pointer, detail] of Object.entries(await refusal(schema, given)))
        t.regex(detail, /^(is|must|has) /, `${pointer}: ${detail}`);
    }
  });
