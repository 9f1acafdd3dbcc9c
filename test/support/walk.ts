/**
 * Which of our functions run, in order, and from which file each was entered. To be imported before the code that is
 * looked at: a hook of Node's loader puts a line at the head of each function of `services/` and `mixins/`.
 */
import { registerHooks } from "node:module";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { repositoryRoot } from "./gate/run-tool.ts";

interface Code {
  readonly file: string;
  readonly name: string;
  /** The function that it is written in. */
  readonly outer: number | undefined;
}

/** A function that ran. */
export interface Step {
  readonly file: string;
  /** Of a function without a name, that of the one it is written in. */
  readonly name: string;
  /** Called from another file: of ours, or of a library. What was written in a function of this walk comes back to it. */
  readonly entered: boolean;
}

const codes: Code[] = [];
const ran = new Set<number>();
let steps: Step[] | undefined;
const framesMax = 100;

const fileOf = (url: string): string => relative(repositoryRoot, fileURLToPath(url));
const isOurs = (file: string): boolean => /^(?:services|mixins|moleculer\.config\.ts$)/.test(file);

/** What a timer starts is nobody's request. */
const isTimer = (frame: string): boolean => frame.includes("(node:internal/timers:");

/** The stack above the function that runs, the nearest first. */
function framesAbove(): string[] {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = framesMax;
  const { stack = "" } = new Error();
  Error.stackTraceLimit = stackTraceLimit;
  // Before it: the message, this function, `enter`, and the function itself.
  return stack.split("\n").slice(4);
}

/** The file of the nearest of our functions; undefined: a library called. */
function callerOf(frames: readonly string[]): string | undefined {
  const files = frames.flatMap((frame) => {
    const [, url] = /^ +at (?!async ).*?(file:[^:]+)/.exec(frame) ?? [];
    return url === undefined || url.includes("/node_modules/") ? [] : [fileOf(url)];
  });
  return files.find(isOurs);
}

function enter(id: number): void {
  const code = codes[id];
  if (steps === undefined || code === undefined) return;
  const frames = framesAbove();
  if (frames.some(isTimer)) return;
  const comesBack = code.outer !== undefined && ran.has(code.outer);
  ran.add(id);
  steps.push({ file: code.file, name: code.name, entered: !comesBack && callerOf(frames) !== code.file });
}
Object.assign(globalThis, { enterOfWalk: enter });

function nameOf(node: ts.FunctionLikeDeclaration, outer: number | undefined): string {
  const { name, parent } = node;
  const holder =
    ts.isVariableDeclaration(parent) || ts.isPropertyAssignment(parent) ? parent.name : undefined;
  return (name ?? holder)?.getText() ?? codes[outer ?? -1]?.name ?? "";
}

const isFunctionWithBody = (node: ts.Node): node is ts.FunctionLikeDeclaration & { body: ts.ConciseBody } =>
  ts.isFunctionLike(node) && "body" in node && node.body !== undefined;

/** The same text with a call at the head of each function. */
function instrumented(file: string, text: string): string {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const inserts: { readonly at: number; readonly text: string }[] = [];
  const visit = (node: ts.Node, outer: number | undefined): void => {
    let inner = outer;
    if (isFunctionWithBody(node)) {
      const { body } = node;
      inner = codes.push({ file, name: nameOf(node, outer), outer }) - 1;
      if (ts.isBlock(body)) inserts.push({ at: body.getStart() + 1, text: `enterOfWalk(${inner});` });
      else
        inserts.push(
          { at: body.getStart(), text: `(enterOfWalk(${inner}),` },
          { at: body.getEnd(), text: ")" },
        );
    }
    ts.forEachChild(node, (child) => visit(child, inner));
  };
  visit(source, undefined);
  let result = text;
  for (const { at, text: inserted } of inserts.toSorted((a, b) => b.at - a.at))
    result = result.slice(0, at) + inserted + result.slice(at);
  return result;
}

registerHooks({
  load(url, context, next) {
    const loaded = next(url, context);
    if (!url.startsWith("file:") || !url.endsWith(".ts")) return loaded;
    const file = fileOf(url);
    if (!isOurs(file)) return loaded;
    return { ...loaded, source: instrumented(file, String(loaded.source)) };
  },
});

/** What ran until the work was done, in order. */
export async function walkOf(work: () => Promise<void>): Promise<readonly Step[]> {
  ran.clear();
  steps = [];
  await work();
  const walk = steps;
  steps = undefined;
  return walk;
}
