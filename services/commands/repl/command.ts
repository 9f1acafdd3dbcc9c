/**
 * What a command of ours is, and how it becomes one of moleculer-repl's: words in, text out. An error is one line that
 * begins with ✗, and never ends the REPL.
 */
import type { ServiceBroker } from "moleculer";
import { operator } from "../../../mixins/context/operator.ts";
import { callAction } from "../../../mixins/moleculer/calls.ts";
import { type NodeAnswers, onEveryNode } from "../../../mixins/moleculer/every-node.ts";
import type { ActionInput, ActionName, ActionResult } from "../../contracts/actions.ts";
import { Refusal } from "../../contracts/errors.ts";

const callTimeoutMs = 10_000;

export interface Desk {
  call<N extends ActionName>(name: N, params: ActionInput<N>, timeoutMs?: number): Promise<ActionResult<N>>;
  /** Each process that offers the action, or the one of this id. */
  everywhere<N extends ActionName>(
    name: N,
    params: ActionInput<N>,
    node?: string,
  ): Promise<NodeAnswers<ActionResult<N>>>;
  /** Aligned columns under their names; a sentence instead when there is no row. */
  table(header: readonly string[], rows: readonly (readonly unknown[])[], none?: string): string;
}

/** The values of `--name value` by their names in camel case. */
export type Options = Readonly<Record<string, string | true | undefined>>;

export interface Command {
  readonly name: string;
  readonly description: string;
  /** One line a form, each beginning with the name. */
  readonly usage: readonly string[];
  readonly options?: readonly { readonly option: string; readonly description: string }[];
  /** Throws WrongUse for words that are none of the forms. */
  run(desk: Desk, words: readonly string[], options: Options): Promise<string>;
}

/** The words make no sense; the forms are shown. */
export class WrongUse extends Error {
  override name = "WrongUse";
}

/** The word at a place, when it must be there. */
export function wordAt(words: readonly string[], place: number, what: string): string {
  const word = words[place];
  if (word === undefined) throw new WrongUse(`${what} is missing`);
  return word;
}

/** A number that an option gives; undefined without it. */
export function numberOption(options: Options, name: string): number | undefined {
  const value = options[name];
  if (value === undefined) return undefined;
  const number = Number(value);
  if (value === true || value.trim() === "" || !Number.isFinite(number))
    throw new WrongUse(
      `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)} must be a number`,
    );
  return number;
}

const forms = ({ usage }: Command): string => usage.map((form) => `  ${form}`).join("\n");

function errorText(command: Command, error: unknown): string {
  if (error instanceof WrongUse) return `✗ ${error.message}\n${forms(command)}`;
  if (!(error instanceof Error)) return `✗ ${String(error)}`;
  const faults = error instanceof Refusal ? (error.data.errors ?? []) : [];
  const lines = faults.map(({ pointer, detail }) => `  ${parameterOf(pointer)} ${detail}`.trimEnd());
  return [`✗ ${error.message}`, ...lines].join("\n");
}

/** A command has no body that a JSON pointer could point into; its last parts are the parameter's name. */
const parameterOf = (pointer: string): string => decodeURIComponent(pointer.replace(/^#\/?/, ""));

/** The parts of commander's command and of moleculer-repl's helpers that are used here. */
interface Parsed {
  args: string[];
  opts(): Record<string, string | true | undefined>;
  params?: { words: string[]; options: Options };
}
interface Helpers {
  table(rows: string[][], options: object): string;
  getBorderCharacters(name: string): object;
}

export interface CustomCommand {
  readonly command: string;
  readonly description: string;
  readonly options: readonly { readonly option: string; readonly description: string }[];
  readonly parse: (command: Parsed) => void;
  readonly action: (broker: ServiceBroker, params: Parsed["params"], helpers: Helpers) => Promise<void>;
}

function deskOf(broker: ServiceBroker, helpers: Helpers): Desk {
  const actor = operator();
  return {
    call: (name, params, timeout = callTimeoutMs) =>
      callAction(broker, name, params, { timeout, meta: { actor } }),
    everywhere: (name, params, node) => onEveryNode({ broker, meta: { actor } }, name, params, node),
    table(header, rows, none = "none") {
      if (rows.length === 0) return none;
      const cells = [header, ...rows].map((row) =>
        row.map((cell) => (cell === null ? "-" : String(cell ?? "-"))),
      );
      const text = helpers.table(cells as string[][], {
        border: helpers.getBorderCharacters("void"),
        columnDefault: { paddingLeft: 0, paddingRight: 2 },
        drawHorizontalLine: () => false,
      });
      return text.replace(/(?<! ) +$/gm, "").trimEnd();
    },
  };
}

/** `print` gets the whole answer, an error too. */
export const customCommand = (command: Command, print: (text: string) => void): CustomCommand => ({
  command: `${command.name} [words...]`,
  description: `${command.description}: ${command.usage.map((form) => form.replace(`${command.name} `, "")).join(" | ")}`,
  options: command.options ?? [],
  parse(parsed) {
    parsed.params = { words: parsed.args, options: parsed.opts() };
  },
  async action(broker, params, helpers) {
    const { words, options } = params ?? { words: [], options: {} };
    try {
      print(await command.run(deskOf(broker, helpers), words, options));
    } catch (error) {
      print(errorText(command, error));
    }
  },
});
