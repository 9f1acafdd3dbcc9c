/** What an error wraps, and what is told of it. */
import test from "ava";
import { causesOf } from "../../mixins/basics/error-causes.ts";
import { reasonOf } from "../../services/runtime/reasons.ts";

const coded = (code: string, message = "a secret"): Error => Object.assign(new Error(message), { code });

test("The causes of an error are told outermost first, whichever way they are kept", (t) => {
  const first = coded("ECONNREFUSED");
  const several = new AggregateError([first, coded("ETIMEDOUT")]);
  const driver = Object.assign(new Error("driver"), { previous: several });
  const outer = new Error("outer", { cause: driver });
  t.deepEqual([...causesOf(outer)], [outer, driver, several, first]);
  t.deepEqual([...causesOf("a text")], []);
});

test("A circle of causes ends, and what a refusal lists is none of them", (t) => {
  const circle = new Error("circle");
  circle.cause = circle;
  t.is([...causesOf(circle)].length, 5);
  const refusal = Object.assign(new Error("refused"), { errors: [{ name: "Ann" }] });
  t.deepEqual([...causesOf(refusal)], [refusal]);
});

test("Why a server can't be used is told by the table of its kind, with the code and without its message", (t) => {
  t.is(reasonOf(new AggregateError([coded("ECONNREFUSED")])), "refuses the connection (ECONNREFUSED)");
  t.is(
    reasonOf(new Error("a secret", { cause: coded("28P01") })),
    "can't be used: its server refuses the user or the password (28P01)",
  );
  t.is(reasonOf(coded("3D000")), "can't be used: the database does not exist (3D000)");
});
