/** Under which name the REPL's decisions are kept. */
import { userInfo } from "node:os";
import test from "ava";
import { operator } from "../../mixins/context/operator.ts";

test("The operator is the account that the REPL runs as", (t) => {
  t.is(operator(), `repl:${userInfo().username}`);
});

test("Without an account, or with a name that no actor may have, the operator is the uid", (t) => {
  const byUid = `repl:uid-${process.getuid?.()}`;
  const noAccount = (): never => {
    throw new Error("uv_os_get_passwd returned ENOENT");
  };
  t.is(operator(noAccount), byUid);
  for (const username of ["", "Ann Example", "Jörg", "a".repeat(200)])
    t.is(
      operator(() => ({ username })),
      byUid,
    );
});
