/**
 * Promise: one `rabbitmqctl` for as many expressions as a test file has, and none where `erl_call` reaches the node. A
 * start of it takes a second of CPU; the one that is started reads them from its standard input, and ends with the
 * process of the tests.
 */
import { type ChildProcessByStdio, execFile, spawn } from "node:child_process";
import { on, once } from "node:events";
import type { Readable, Writable } from "node:stream";
import { promisify } from "node:util";
import { hasEnded } from "./provision/command.ts";
import { byErlCall } from "./provision/node-control.ts";

const run = promisify(execFile);
const mark = { done: "-- done", failed: "-- failed" } as const;

/** A line is an expression in base64; its answer is what `rabbitmqctl eval` prints, and a mark. */
const serve = `
  Answer = fun(Line) ->
    {ok, Tokens, _} = erl_scan:string(unicode:characters_to_list(base64:decode(string:trim(Line)))),
    {ok, Parsed} = erl_parse:parse_exprs(Tokens),
    {value, Value, _} = erl_eval:exprs(Parsed, []),
    io:format("~p~n${mark.done}~n", [Value])
  end,
  Serve = fun Next() ->
    case io:get_line("") of
      eof -> ok;
      {error, Reason} -> Reason;
      Line ->
        try Answer(Line) catch _:Why -> io:format("~p~n${mark.failed}~n", [Why]) end,
        Next()
    end
  end,
  Serve().`;

interface Kept {
  ref(): unknown;
  unref(): unknown;
}
type Shell = ChildProcessByStdio<Writable, Readable, null>;

const commandOf = (): [string, string[]] => {
  const [program = "", ...args] = (process.env.TEST_RABBITMQCTL || "rabbitmqctl").split(" ");
  return [program, [...args, "-q", "eval"]];
};

function start(): Shell {
  const [program, args] = commandOf();
  const shell = spawn(program, [...args, serve], { stdio: ["pipe", "pipe", "ignore"] });
  shell.stdin.on("error", () => {}); // shows as its end
  return shell;
}

/** Keeps the process of the tests from ending only while it is asked. */
function keep(shell: Shell, isAsked: boolean): void {
  for (const part of [shell, shell.stdin, shell.stdout] as unknown as Kept[])
    if (isAsked) part.ref();
    else part.unref();
}

/** undefined: it has ended without an answer. Rejects with what is wrong in the expression. */
async function ask(shell: Shell, expression: string): Promise<string | undefined> {
  const listening = new AbortController();
  const end = async (): Promise<undefined> => {
    await once(shell, "close", { signal: listening.signal });
  };
  const answer = async (): Promise<string | undefined> => {
    let said = "";
    for await (const [chunk] of on(shell.stdout, "data", { signal: listening.signal })) {
      said += chunk;
      if (said.endsWith(`\n${mark.done}\n`)) return said.slice(0, -mark.done.length - 1).trim();
      if (said.endsWith(`\n${mark.failed}\n`)) throw new Error(`${said.trim()}: ${expression}`);
    }
    return undefined;
  };
  const answered = Promise.race([answer(), end()]);
  shell.stdin.write(`${Buffer.from(expression).toString("base64")}\n`);
  return answered.finally(() => listening.abort());
}

let shell: Shell | undefined;
/** Whose standard input does not reach the broker is started for each expression. */
let canServe = true;
let last: Promise<unknown> = Promise.resolve();

async function evaluate(expression: string): Promise<string> {
  const isNew = shell === undefined || hasEnded(shell);
  if (canServe) {
    const asked = shell === undefined || isNew ? start() : shell;
    shell = asked;
    keep(asked, true);
    const answer = await ask(asked, expression).finally(() => keep(asked, false));
    if (answer !== undefined) return answer;
    if (!isNew) throw new Error(`rabbitmqctl has ended at ${expression}`);
    canServe = false;
  }
  const [program, args] = commandOf();
  return (await run(program, [...args, expression])).stdout.trim();
}

/** Evaluates one Erlang expression on the broker; resolves with what it prints and its value, rejects when it fails. */
export function rabbitEval(expression: string): Promise<string> {
  const erlCall = process.env.TEST_ERL_CALL;
  if (erlCall) return byErlCall(erlCall, expression);
  const told = last.then(() => evaluate(expression));
  last = told.catch(() => {}); // told to whoever asked
  return told;
}
