/** What a process may do: guarantee 51. */
import { edit, type Mutation } from "../mutation.ts";
import { becomes, call } from "../operators.ts";

const own = {
  guarantee: "51a",
  file: "test/system/sandbox.test.ts",
  title: "gateway, users and registry serve on deno with what their roles need, and no more",
} as const;

export const sandbox: readonly Mutation[] = [
  {
    ...own,
    name: "net-for-all",
    edits: [edit("services/runtime/reach.ts", "reachOf", becomes(call("flag", "net"), '"--allow-net"'))],
  },
  {
    ...own,
    name: "files-for-all",
    edits: [edit("services/runtime/reach.ts", "reachOf", becomes(call("flag", "read"), '"--allow-read"'))],
  },
];
