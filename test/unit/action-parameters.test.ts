/** What Moleculer and its REPL are told of an action's parameters. */
import test from "ava";
import * as z from "zod";
import { params } from "../../mixins/moleculer/validation.ts";

const shown = (schema: z.ZodType): unknown => JSON.parse(JSON.stringify(params(schema)));

test("each parameter is told by its name, with its type and whether it may be left out", (t) => {
  const Address = z.string().min(3).meta({ id: "Address" });
  const schema = z
    .strictObject({
      primary: Address,
      others: z.array(Address).default([]),
      limit: z.coerce.number().int().optional(),
      note: z.string().nullable(),
    })
    .meta({ id: "Create" });
  t.deepEqual(shown(schema), {
    primary: { type: "string" },
    others: { type: "array", optional: true },
    limit: { type: "integer", optional: true },
    note: { type: "any" },
  });
});

test("of alternatives the parameters of each are told", (t) => {
  const schema = z.union([
    z.object({ id: z.string() }),
    z.object({ key: z.string().optional() }).meta({ id: "ByKey" }),
  ]);
  t.deepEqual(shown(schema), { id: { type: "string" }, key: { type: "string", optional: true } });
});
