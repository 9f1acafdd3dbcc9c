/**
 * What a mutation does (`drops`, `becomes`) and to what. Finders look inside of one name and must find one place; they
 * go by the names and texts that something mentions, never by how it is written.
 */
import ts from "typescript";
import { contains, nodesIn, type Scope } from "./scope.ts";

interface Place {
  readonly start: number;
  readonly end: number;
  /** What `$`, `$1`, `$2` … stand for in the code that replaces it. */
  readonly parts: readonly string[];
  readonly node?: ts.Node;
  /** Written around what replaces it. */
  readonly around?: readonly [string, string];
  /** Of a clause: what each `…` stood for. */
  readonly gaps?: readonly string[];
}

export interface Finder {
  readonly says: string;
  readonly find: (scope: Scope) => readonly Place[];
}

/** From the text of a file to its mutated text. */
export type Operator = (scope: Scope) => string;

/** `$` is the node, `$1` … its arguments; an operand is put in brackets. */
function placeOf(node: ts.Node): Place {
  const bare = node.getText();
  const isOperand =
    ts.isBinaryExpression(node) || ts.isConditionalExpression(node) || ts.isArrowFunction(node);
  const given = ts.isCallExpression(node) ? node.arguments.map((argument) => argument.getText()) : [];
  return { start: node.getStart(), end: node.end, parts: [isOperand ? `(${bare})` : bare, ...given], node };
}

const byNodes = (says: string, pick: (nodes: readonly ts.Node[]) => readonly ts.Node[]): Finder => ({
  says,
  find: ({ node }) => (node === undefined ? [] : pick(nodesIn(node)).map(placeOf)),
});

const textOf = (node: ts.Node): string | undefined =>
  ts.isIdentifier(node) || ts.isPrivateIdentifier(node) || ts.isLiteralExpression(node)
    ? node.text
    : undefined;
const mentions = (node: ts.Node, names: readonly string[]): boolean => {
  const texts = new Set([node, ...nodesIn(node)].map(textOf));
  return names.every((name) => texts.has(name));
};
const innermost = (nodes: readonly ts.Node[]): readonly ts.Node[] =>
  nodes.filter((node) => !nodes.some((other) => other !== node && contains(node, other)));

/** The last name of what is called or assigned to. */
const lastName = (node: ts.Node): string | undefined =>
  textOf(ts.isPropertyAccessExpression(node) ? node.name : node);

const isCallOf = (node: ts.Node, name: string): node is ts.CallExpression =>
  ts.isCallExpression(node) && lastName(node.expression) === name;

/** The call of `name`; with `mentioned`, the one with that in its arguments. */
export const call = (name: string, ...mentioned: string[]): Finder =>
  byNodes(`call of ${[name, ...mentioned].join(", ")}`, (nodes) =>
    nodes.filter(
      (node) =>
        isCallOf(node, name) &&
        (mentioned.length === 0 || node.arguments.some((argument) => mentions(argument, mentioned))),
    ),
  );

/** An argument of the only call of `name`, counted from 0. */
export const argument = (name: string, index: number): Finder =>
  byNodes(`argument ${index} of ${name}`, (nodes) =>
    nodes.flatMap((node) => (isCallOf(node, name) ? (node.arguments[index] ?? []) : [])),
  );

/** The innermost statement that mentions all of these. */
export const statement = (...mentioned: string[]): Finder =>
  byNodes(`statement with ${mentioned.join(", ")}`, (nodes) =>
    innermost(nodes.filter((node) => ts.isStatement(node) && !ts.isBlock(node) && mentions(node, mentioned))),
  );

const logical: ReadonlySet<ts.SyntaxKind> = new Set([
  ts.SyntaxKind.AmpersandAmpersandToken,
  ts.SyntaxKind.BarBarToken,
]);
const comparing: ReadonlySet<ts.SyntaxKind> = new Set([
  ts.SyntaxKind.EqualsEqualsEqualsToken,
  ts.SyntaxKind.ExclamationEqualsEqualsToken,
  ts.SyntaxKind.LessThanToken,
  ts.SyntaxKind.LessThanEqualsToken,
  ts.SyntaxKind.GreaterThanToken,
  ts.SyntaxKind.GreaterThanEqualsToken,
]);

function decides(node: ts.Node): boolean {
  const { parent } = node;
  if (ts.isIfStatement(parent) || ts.isWhileStatement(parent)) return parent.expression === node;
  if (ts.isConditionalExpression(parent) || ts.isForStatement(parent)) return parent.condition === node;
  if (ts.isBinaryExpression(parent) && logical.has(parent.operatorToken.kind))
    return node !== parent.operatorToken;
  return ts.isBinaryExpression(node) && comparing.has(node.operatorToken.kind);
}

/** The innermost condition, comparison or operand of `&&` and `||` that mentions all of these. */
export const condition = (...mentioned: string[]): Finder => {
  const found = byNodes(`condition with ${mentioned.join(", ")}`, (nodes) =>
    innermost(nodes.filter((node) => decides(node) && mentions(node, mentioned))),
  );
  return { ...found, find: (scope) => found.find(scope).map((place) => ({ ...place, around: ["(", ")"] })) };
};

/** An assignment to `name`, or to a property of this name. */
export const assignment = (name: string): Finder =>
  byNodes(`assignment to ${name}`, (nodes) =>
    nodes.filter(
      (node) =>
        ts.isBinaryExpression(node) &&
        node.operatorToken.kind === ts.SyntaxKind.EqualsToken &&
        lastName(node.left) === name,
    ),
  );

/** A property of an object, with its name; as what becomes something, its value. `...x` is a spread one. */
export const property = (name: string): Finder =>
  byNodes(`property ${name}`, (nodes) =>
    nodes.filter((node) =>
      ts.isSpreadAssignment(node)
        ? node.getText() === name
        : (ts.isPropertyAssignment(node) || ts.isShorthandPropertyAssignment(node)) &&
          node.name.getText() === name,
    ),
  );

/** A literal of this text, or a use of this name. */
export const use = (text: string): Finder =>
  byNodes(`use of ${text}`, (nodes) =>
    nodes.filter((node) => {
      if (textOf(node) !== text) return false;
      const { name, propertyName } = node.parent as { name?: ts.Node; propertyName?: ts.Node };
      return ts.isPropertyAccessExpression(node.parent) || (name !== node && propertyName !== node);
    }),
  );

/** What the name itself is set to. */
export const value: Finder = {
  says: "value",
  find: ({ node }) => {
    const set = (node as { initializer?: ts.Node } | undefined)?.initializer;
    return set === undefined ? [] : [placeOf(set)];
  },
};

const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\/]/g, "\\$&");

/** Words and signs, however they are spaced; `…` is anything. */
function clausePattern(clause: string): RegExp {
  const tokens = clause.match(/\w+|[^\s\w]/gu) ?? [];
  const isWord = (token: string | undefined): boolean => token !== undefined && /^\w/.test(token);
  const source = tokens.map((token, index) => {
    const gap = index === 0 ? "" : isWord(token) && isWord(tokens[index - 1]) ? "\\s+" : "\\s*";
    return `${gap}${token === "…" ? "([^]*?)" : escaped(token)}`;
  });
  return new RegExp(
    `${isWord(tokens[0]) ? "\\b" : ""}${source.join("")}${isWord(tokens.at(-1)) ? "\\b" : ""}`,
    "g",
  );
}

/** Part of a statement of SQL, in whatever literal it stands, or of an expression in YAML; `…` is anything. */
export const clause = (text: string): Finder => ({
  says: `clause "${text}"`,
  find: (scope) => {
    const literals =
      scope.node === undefined
        ? [scope]
        : nodesIn(scope.node).filter((node) => ts.isStringLiteral(node) || ts.isTemplateLiteral(node));
    const places = literals.flatMap((literal) => {
      const start = "kind" in literal ? literal.getStart() : literal.start;
      return [...scope.text.slice(start, literal.end).matchAll(clausePattern(text))].map(
        ({ 0: whole, index, ...gaps }) => ({
          start: start + index,
          end: start + index + whole.length,
          parts: [whole],
          gaps: Object.values(gaps).filter((gap): gap is string => typeof gap === "string"),
        }),
      );
    });
    return [...new Map(places.map((place) => [place.start, place])).values()];
  },
});

function only({ says, find }: Finder, scope: Scope): Place {
  const places = find(scope);
  const [place] = places;
  if (places.length !== 1 || place === undefined)
    throw new Error(`the ${says} is there ${places.length} times`);
  return place;
}

const spliced = (text: string, start: number, end: number, code: string): string =>
  text.slice(0, start) + code + text.slice(end);

/** Takes away a statement, an element of a list with its comma, or a clause. */
export const drops =
  (finder: Finder): Operator =>
  (scope) => {
    let { start, end, node } = only(finder, scope);
    while (node !== undefined && (ts.isAwaitExpression(node.parent) || ts.isExpressionStatement(node.parent)))
      node = node.parent;
    if (node === undefined) return spliced(scope.text, start, end, "");
    [start, end] = [node.getStart(), node.end];
    if (!ts.isStatement(node)) end += /^\s*,?/.exec(scope.text.slice(end))?.[0].length ?? 0;
    const isInList = !ts.isStatement(node) || ts.isBlock(node.parent) || ts.isSourceFile(node.parent);
    return spliced(scope.text, start, end, isInList ? "" : "{}");
  };

/** Puts `code` in its place: `$` is what was there, `$1` … the arguments of a call, each `…` what it stood for. */
export const becomes =
  (finder: Finder, code: string): Operator =>
  (scope) => {
    let place = only(finder, scope);
    const { node } = place;
    if (node !== undefined && ts.isPropertyAssignment(node)) place = placeOf(node.initializer);
    const gaps = [...(place.gaps ?? [])];
    const [open, close] = place.around ?? ["", ""];
    const filled = code
      .replaceAll(/\$(\d?)/g, (_, index: string) => place.parts[Number(index)] ?? "")
      .replaceAll("…", () => gaps.shift() ?? "");
    return spliced(scope.text, place.start, place.end, `${open}${filled}${close}`);
  };

/** For a condition on which TypeScript's narrowing rests: it never holds. */
export const never = "$ && Number.isNaN(0)";
/** And one that always does. */
export const always = "$ || !Number.isNaN(0)";
