import test from "ava";
import { continueTrace, validTraceparent } from "../../mixins/context/correlation.ts";
import { openSpan, SpanKind } from "../../mixins/context/tracing.ts";

const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
const span = "00f067aa0ba902b7";

// The cases of W3C Trace Context, "traceparent Header" and "Versioning of traceparent".
for (const [title, header, taken] of [
  ["version 00", `00-${trace}-${span}-01`, `00-${trace}-${span}-01`],
  ["not sampled", `00-${trace}-${span}-00`, `00-${trace}-${span}-00`],
  ["flags that we do not know", `00-${trace}-${span}-ff`, `00-${trace}-${span}-01`],
  ["a later version with more fields", `cc-${trace}-${span}-01-what-the-future`, `00-${trace}-${span}-01`],
  ["version 00 with more fields", `00-${trace}-${span}-01-more`, undefined],
  ["version ff", `ff-${trace}-${span}-01`, undefined],
  ["a trace id of zeros", `00-${"0".repeat(32)}-${span}-01`, undefined],
  ["a span id of zeros", `00-${trace}-${"0".repeat(16)}-01`, undefined],
  ["upper case", `00-${trace.toUpperCase()}-${span}-01`, undefined],
  ["two headers joined", `00-${trace}-${span}-01, 00-${trace}-${span}-01`, undefined],
  ["nothing", undefined, undefined],
] as const)
  test(`a traceparent is ${taken === undefined ? "replaced" : "taken"}: ${title}`, (t) => {
    t.is(validTraceparent(header), taken);
    const next = continueTrace(validTraceparent(header));
    t.regex(next, /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-0[01]$/);
    t.is(next.includes(trace), taken !== undefined);
    t.false(next.includes(span), "each hop has an id of its own");
  });

test("without an SDK no span is made, and nobody is asked what it would be", (t) => {
  const made = openSpan(() => {
    throw new Error("asked");
  }, undefined);
  t.is(made, undefined);
  t.is(SpanKind.SERVER, 1);
});
