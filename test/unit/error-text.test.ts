import test from "ava";
import { errorFrames, errorText } from "../../mixins/log/error-text.ts";

test("the text of an error names class, code and place and none of the values in its messages", (t) => {
  const driver = Object.assign(new Error("Key (key)=(ann@example.com) already exists"), {
    name: "DriverException",
    code: "23505",
    table: "users",
    constraint: "users_pkey",
    detail: "Ann Lee",
  });
  const wrapped = new TypeError("Cannot store Ann Lee", { cause: driver });
  t.is(errorText(wrapped), "TypeError DriverException 23505 table=users constraint=users_pkey");
  t.is(errorText("Ann Lee"), "a thrown string");
  t.is(errorText(Object.assign(new Error("x"), { code: "Ann Lee" })), "Error");
});

test("the frames of an error leave out the line with its message", (t) => {
  const frames = errorFrames(new Error("Ann Lee\n    is here"));
  t.regex(frames ?? "", /^\s+at .*error-text\.test/);
  t.false(frames?.includes("Ann Lee"));
  t.is(errorFrames("Ann Lee"), undefined);
});
