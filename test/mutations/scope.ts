/** Where a mutation acts: what has a name in a file. Of TypeScript the syntax is read, so no formatting matters. */
import ts from "typescript";

export interface Scope {
  readonly text: string;
  readonly start: number;
  readonly end: number;
  /** Undefined in a file that is not TypeScript. */
  readonly node: ts.Node | undefined;
}

/** All nodes below one, outer ones first. */
export function nodesIn(node: ts.Node): ts.Node[] {
  const below: ts.Node[] = [];
  const visit = (child: ts.Node): void => {
    below.push(child);
    ts.forEachChild(child, visit);
  };
  ts.forEachChild(node, visit);
  return below;
}

const isNamed = (node: ts.Node): node is ts.NamedDeclaration =>
  ts.isFunctionLike(node) ||
  ts.isClassDeclaration(node) ||
  ts.isVariableDeclaration(node) ||
  ts.isPropertyDeclaration(node) ||
  ts.isPropertyAssignment(node);

export const contains = (outer: ts.Node, inner: ts.Node): boolean =>
  outer.pos <= inner.pos && inner.end <= outer.end;

function depthOf(node: ts.Node | undefined): number {
  return node === undefined ? 0 : 1 + depthOf(node.parent);
}

/** The outermost of that name: one of the file before what functions name for themselves. */
function named(within: ts.Node, name: string): ts.Node {
  const all = nodesIn(within).filter((node) => isNamed(node) && node.name?.getText() === name);
  const depth = Math.min(...all.map(depthOf));
  const outer = all.filter((node) => depthOf(node) === depth);
  const [only] = outer;
  if (outer.length !== 1 || only === undefined) throw new Error(`${name} is there ${outer.length} times`);
  return only;
}

/** A block of a YAML file, from `- alert: <name>` to the next one. */
function rule(text: string, name: string): Scope {
  const start = text.search(new RegExp(`- alert: ${name}\\b`));
  if (start < 0) throw new Error(`${name} is there 0 times`);
  const next = text.indexOf("- alert: ", start + 1);
  return { text, start, end: next < 0 ? text.length : next, node: undefined };
}

/**
 * `path` leads from a name of the file over what is named in it (`circuit.admit`, `Relay.#look`); an empty one is the
 * file. Throws when a name is not there, or not once.
 */
export function scopeOf(file: string, text: string, path: string): Scope {
  if (!file.endsWith(".ts")) return rule(text, path);
  let node: ts.Node = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  if (path !== "") for (const name of path.split(".")) node = named(node, name);
  return { text, start: node.getStart(), end: node.end, node };
}
