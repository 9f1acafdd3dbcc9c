/**
 * Runs Erlang expressions on the node of a broker: by `erl_call` where its cookie can be read, else by `rabbitmqctl`,
 * which starts an Erlang of its own for each and takes a second of a core for that.
 */
import { randomBytes } from "node:crypto";
import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import { connect } from "amqplib";
import { findProgram, runProgram } from "./command.ts";

/** Each is one executable with its arguments that needs no further environment. */
export interface NodeControl {
  readonly rabbitmqctl: string;
  readonly erlCall?: string | undefined;
}

const connectTimeoutMs = 3_000;
const expressionEnd = /\.\s*$/;

async function byErlCall(erlCall: string, expression: string): Promise<string> {
  const [program = "", ...args] = erlCall.split(" ");
  // Two with one name at once would be each other's obstacle.
  const own = ["-h", `mailroster${randomBytes(6).toString("hex")}`, "-fetch_stdout", "-e"];
  // It prints binaries as lists of numbers: this is a string in every case.
  const text = `io_lib:format("~tp", [begin ${expression.replace(expressionEnd, "")} end])`;
  const input = `base64:encode_to_string(unicode:characters_to_binary(${text})).\n`;
  const { code, stdout, stderr } = await runProgram(program, [...args, ...own], { input });
  const [, printed = "", value] = /^(.*)\{ok, "([\w+/=]*)"\}\s*$/s.exec(stdout) ?? [];
  if (code !== 0 || value === undefined) throw new Error(`erl_call: ${(stderr || stdout).trim()}`);
  return printed + Buffer.from(value, "base64").toString();
}

async function byRabbitmqctl(rabbitmqctl: string, expression: string): Promise<string> {
  const [program = "", ...args] = rabbitmqctl.split(" ");
  const { code, stdout, stderr } = await runProgram(program, [...args, "-q", "eval", expression]);
  if (code !== 0) throw new Error(`rabbitmqctl: ${stderr.trim() || "it can't be run"}`);
  return stdout.trim();
}

/**
 * Resolves with what the expression has printed and with its value, as Erlang writes it. Rejects when the node can't be
 * reached, and when the expression fails.
 */
export const evaluateOn = ({ rabbitmqctl, erlCall }: NodeControl, expression: string): Promise<string> =>
  erlCall ? byErlCall(erlCall, expression) : byRabbitmqctl(rabbitmqctl, expression);

/** By which `erl_call` may reach a node of this machine that has kept its usual name; whether it does is to be tried. */
export function localErlCalls(): string[] {
  const program = findProgram("erl_call", ["/usr/lib/erlang/bin"]);
  if (program === undefined) return [];
  return ["/var/lib/rabbitmq", process.env.HOME ?? ""].flatMap((home) => {
    try {
      accessSync(join(home, ".erlang.cookie"), constants.R_OK);
      return [`env HOME=${home} ${program} -sname rabbit`];
    } catch {
      return [];
    }
  });
}

/** Resolves when a virtual host can be made, entered and removed there; rejects with the reason when not. */
export async function requireUsable(url: string, control: NodeControl): Promise<void> {
  const parsed = new URL(url);
  const host = `mailroster_probe_${process.pid}`;
  const user = decodeURIComponent(parsed.username) || "guest";
  const all = '<<".*">>, <<".*">>, <<".*">>';
  const evaluate = (expression: string) => evaluateOn(control, expression);
  await evaluate(
    `rabbit_vhost:add(<<"${host}">>, <<"probe">>), rabbit_auth_backend_internal:set_permissions(<<"${user}">>, <<"${host}">>, ${all}, <<"probe">>).`,
  );
  try {
    parsed.pathname = `/${host}`;
    const connection = await connect(parsed.href, { timeout: connectTimeoutMs });
    await connection.close();
  } finally {
    await evaluate(`rabbit_vhost:delete(<<"${host}">>, <<"probe">>).`);
  }
}

/** With the first of these that reaches the node; alone when none does, which rejects when it does not either. */
export async function cheapest(
  url: string,
  control: NodeControl,
  erlCalls: readonly string[],
): Promise<NodeControl> {
  for (const erlCall of erlCalls) {
    const usable = requireUsable(url, { ...control, erlCall });
    // Else the node is elsewhere, or has another name.
    if (await usable.then(() => true).catch(() => false)) return { ...control, erlCall };
  }
  await requireUsable(url, control);
  return control;
}
