/**
 * Promise: every command is read alike. `--help` tells what it does and ends; what it does not know is refused with the
 * nearest word that it does; whoever reads only the first lines of what it prints has seen enough.
 */
import { parseArgs } from "node:util";
import { nearest } from "../../mixins/basics/nearest-word.ts";
import { exitCodes, UsageError } from "../contracts/exits.ts";

export interface CommandOption {
  /** One letter, for an option that people know by it. */
  readonly short?: string;
  /** What stands for its value in the help; without, it has none. */
  readonly value?: string;
  readonly says: string;
}

/** What a command takes. */
export interface CommandForm {
  /** Its script in package.json. */
  readonly name: string;
  /** One or more sentences. */
  readonly says: string;
  readonly words?: {
    /** In the help: `<correlation id>`, `[step …]`. */
    readonly form: string;
    readonly min?: number;
    /** Unbounded when it is not given. */
    readonly max?: number;
    /** The only words that there are. */
    readonly known?: readonly string[];
  };
  readonly options?: Readonly<Record<string, CommandOption>>;
  /** What its exit codes mean, beside those of every command. */
  readonly exits?: Readonly<Record<number, string>>;
}

export interface CommandLine {
  readonly words: readonly string[];
  has(option: string): boolean;
  valueOf(option: string): string | undefined;
}

const help: CommandOption = { short: "h", says: "this text" };
/** Of those who pass on what they do not know. */
const common: Readonly<Record<number, string>> = {
  [exitCodes.usage]: "the command line is wrong",
  [exitCodes.unavailable]: "what it works with can't be reached",
  [exitCodes.config]: "a variable of the environment is wrong",
};

const optionsOf = (form: CommandForm): Readonly<Record<string, CommandOption>> => ({ ...form.options, help });

const invocation = (name: string): string =>
  process.versions.deno === undefined ? `npm run ${name} --` : `deno task ${name}`;

function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, says]) => `  ${name.padEnd(width)}  ${says}`).join("\n");
}

/** What `--help` prints, without a newline at the end. */
export function helpText(form: CommandForm): string {
  const options = Object.entries(optionsOf(form)).map(([name, { value, says }]): [string, string] => [
    value === undefined ? `--${name}` : `--${name} ${value}`,
    says,
  ]);
  const inShort = options.map(([option]) => `[${option}]`).join(" ");
  const exits = Object.entries({ [exitCodes.ok]: "it is done", ...common, ...form.exits });
  return [
    [invocation(form.name), form.words?.form, inShort].filter(Boolean).join(" "),
    form.says,
    columns(options),
    `Exit codes:\n${columns(exits)}`,
  ].join("\n\n");
}

/** What is thrown for a word or a value that makes no sense; `word` was meant to be one of `known`. */
export function usageError(
  { name }: CommandForm,
  why: string,
  known: readonly string[] = [],
  word = "",
): UsageError {
  const meant = known.length === 0 ? "" : `, the nearest is "${nearest(word, known)}"`;
  return new UsageError(`Cannot run ${name}: ${why}${meant} (--help tells what there is)`);
}

function requireKnown(form: CommandForm, words: readonly string[]): void {
  const {
    form: says = "none",
    min = 0,
    max = form.words === undefined ? 0 : Number.POSITIVE_INFINITY,
  } = form.words ?? {};
  if (words.length < min) throw usageError(form, `${says} is missing`);
  const extra = words[max];
  if (extra !== undefined)
    throw usageError(
      form,
      max === 0 ? `it takes no word, not "${extra}"` : `"${extra}" is one word too many`,
    );
  const choices = form.words?.known;
  const unknown = choices && words.find((word) => !choices.includes(word));
  if (choices !== undefined && unknown !== undefined)
    throw usageError(form, `there is no "${unknown}"`, choices, unknown);
}

/** `help` when that is asked for, whatever else there is. Throws UsageError. */
export function readCommandLine(form: CommandForm, args: readonly string[]): CommandLine | "help" {
  const known = optionsOf(form);
  const options = Object.fromEntries(
    Object.entries(known).map(([name, { short, value }]) => [
      name,
      {
        type: value === undefined ? ("boolean" as const) : ("string" as const),
        ...(short === undefined ? {} : { short }),
      },
    ]),
  );
  const loose = parseArgs({
    args: [...args],
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const tokens = loose.tokens.filter((token) => token.kind === "option");
  if (tokens.some(({ name }) => name === "help")) return "help";
  for (const { name, rawName, value, inlineValue } of tokens) {
    const option = known[name];
    if (option === undefined)
      throw usageError(
        form,
        `there is no option ${rawName}, the nearest is --${nearest(name, Object.keys(known))}`,
      );
    const isMissing = value === undefined || value === "" || (inlineValue === false && value.startsWith("-"));
    if (option.value !== undefined && isMissing) throw usageError(form, `the value of ${rawName} is missing`);
    if (option.value === undefined && value !== undefined)
      throw usageError(form, `${rawName} takes no value, not "${value}"`);
  }
  requireKnown(form, loose.positionals);
  return {
    words: loose.positionals,
    has: (option) => tokens.some(({ name }) => name === option),
    valueOf: (option) => tokens.findLast(({ name }) => name === option)?.value,
  };
}

export interface NumberRange {
  readonly min: number;
  readonly max: number;
  readonly whole?: boolean;
}

/** What a number is read from: the value of an option, or a word. Throws UsageError. */
export function readNumber(form: CommandForm, what: string, text: string, range: NumberRange): number {
  const value = Number(text);
  const { min, max, whole = false } = range;
  if (text.trim() === "" || !(value >= min && value <= max) || (whole && !Number.isInteger(value)))
    throw usageError(
      form,
      `${what} must be a ${whole ? "whole " : ""}number from ${min} to ${max}, not "${text}"`,
    );
  return value;
}

/** The number that an option gives. Throws UsageError. */
export function numberOf(
  form: CommandForm,
  line: CommandLine,
  option: string,
  range: NumberRange,
): number | undefined {
  const text = line.valueOf(option);
  return text === undefined ? undefined : readNumber(form, `--${option}`, text, range);
}

/** A pipe that nobody reads any more ends the command in silence. */
function whenNobodyReads(end: () => void): void {
  for (const stream of [process.stdout, process.stderr])
    stream.on("error", ({ code }: NodeJS.ErrnoException) =>
      code === "EPIPE" ? end() : process.exit(exitCodes.failure),
    );
}

/** For what is read before anything else is there: a UsageError ends the process. */
export function orExit<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(exitCodes.usage);
  }
}

/** Reads what stands behind the command; `--help` and what is refused end the process. */
export function commandLine(
  form: CommandForm,
  ends: { readonly whenNobodyReads?: () => void } = {},
): CommandLine {
  whenNobodyReads(ends.whenNobodyReads ?? (() => process.exit(exitCodes.ok)));
  const line = orExit(() => readCommandLine(form, process.argv.slice(2)));
  if (line !== "help") return line;
  process.stdout.write(`${helpText(form)}\n`);
  process.exit(exitCodes.ok);
}
