/** House rules that no linter knows, as pure functions over the files' text; every finding is one line. */
import ts from "typescript";

export interface SourceFile {
  /** Relative to the repository, with `/`. */
  readonly path: string;
  readonly text: string;
}

export const functionLinesMax = 70;

interface Rule {
  readonly name: string;
  applies(path: string): boolean;
  /** Line numbers (from 1) with what is wrong there. */
  find(file: SourceFile): readonly { line: number; what: string }[];
}

const isTypeScript = (path: string): boolean => path.endsWith(".ts");
const isTest = (path: string): boolean => path.endsWith(".test.ts");
const isProduction = (path: string): boolean => isTypeScript(path) && !path.startsWith("test/");
const isText = (path: string): boolean => !/package-lock\.json$|\.(png|jpe?g|ico|woff2?)$/.test(path);
/** The files that must name what they forbid. */
const isRuleBook = (path: string): boolean => /^test\/(support\/gate\/tidy|unit\/tidy\.test)\.ts$/.test(path);

/** A rule for lines that match. */
const forbidLine = (
  name: string,
  applies: (path: string) => boolean,
  pattern: RegExp,
  what: string,
): Rule => ({
  name,
  applies: (path) => !isRuleBook(path) && applies(path),
  find: ({ text }) =>
    text.split("\n").flatMap((line, index) => (pattern.test(line) ? [{ line: index + 1, what }] : [])),
});

interface Measured {
  readonly first: number;
  /** Without the lines of the functions inside, which are measured by themselves. */
  readonly ownLines: number;
  readonly name: string;
}

function functionsOf({ path, text }: SourceFile): Measured[] {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const lineOf = (position: number): number => source.getLineAndCharacterOfPosition(position).line;
  const found: Measured[] = [];
  /** Returns how many lines of `node` belong to functions inside it; the line where one begins stays with `node`. */
  const visit = (node: ts.Node): number => {
    let inner = 0;
    ts.forEachChild(node, (child) => {
      inner += visit(child);
    });
    if (!ts.isFunctionLike(node) || !("body" in node) || node.body === undefined) return inner;
    const first = lineOf(node.getStart(source));
    const lines = lineOf(node.getEnd()) - first + 1;
    const name = node.name?.getText(source) ?? "a function";
    found.push({ first: first + 1, ownLines: lines - inner, name });
    return lines - 1;
  };
  visit(source);
  return found;
}

/** A factory that returns functions is read like a class: each by itself. The whole has a bound in eslint.config.js. */
const longFunctions = (file: SourceFile): { line: number; what: string }[] =>
  functionsOf(file)
    .filter(({ ownLines }) => ownLines > functionLinesMax)
    .map(({ first, ownLines, name }) => ({
      line: first,
      what: `${name} has ${ownLines} lines of its own, at most ${functionLinesMax}`,
    }));

export const rules: readonly Rule[] = [
  { name: "function-length", applies: isProduction, find: longFunctions },
  {
    name: "doc-comment",
    applies: (path) => isTypeScript(path) && /^(services|mixins|test\/support)\//.test(path),
    find: ({ text }) =>
      text.startsWith("/**") ? [] : [{ line: 1, what: "must begin with what it promises" }],
  },
  forbidLine(
    "unfinished",
    isText,
    /\b(TO[D]O|FIX[M]E|XX[X]|HAC[K])\b/,
    "unfinished work belongs in an issue",
  ),
  forbidLine(
    "skipped-test",
    (path) => path.startsWith("test/"),
    /\b(test|it|describe)(\.\w+)*\.(skip|only|todo|failing|skipIf|runIf)\b/,
    "a test runs or is deleted",
  ),
  forbidLine(
    "sleeping-test",
    isTest,
    /\bsetTimeout\b(?!")|timers\/promises|\bAtomics\.wait\b/,
    "wait on a condition (test/support/eventually.ts)",
  ),
  forbidLine(
    "unkept-log",
    (path) => path.startsWith("test/") && !/^test\/support\/(?:logs|last-lines)\.ts$/.test(path),
    /\brootLogger\(|\bfrom "pino"/,
    "testLogger keeps the lines, and the run looks through them for personal data",
  ),
  forbidLine(
    "environment",
    (path) => isProduction(path) && !path.startsWith("services/config/"),
    /\b(process|globalThis\.process)\.env\s*(\.|\[|\?\.)|\bDeno\.env\b|\bfrom "node:process"/,
    "only services/config reads a variable",
  ),
  forbidLine(
    "environment-passed",
    (path) =>
      isProduction(path) &&
      !/^services\/(config|runtime|commands|embedded)\/|^moleculer\.config\.ts$/.test(path),
    /\bprocess\.env\b/,
    "only the composition root hands the environment on",
  ),
  forbidLine("deno-only", isProduction, /\bDeno\.\w/, "the core runs on Node and Deno alike"),
  forbidLine(
    "unchecked-types",
    isTypeScript,
    /@ts-(ignore|nocheck|expect-error)/,
    "the compiler checks everything",
  ),
  forbidLine("unlinted", isTypeScript, /eslint-disable/, "the rule or the code is wrong: mend it"),
  forbidLine(
    "machine-path",
    isText,
    /(^|[\s"'`(=:])\/(work|home|root|Users|mnt)\/[\w.-]|[A-Z]:\\\\?Users\\/,
    "a path of one machine",
  ),
];

/** What a file exports by name, but for types; a service's factory is its default. */
function exportedNames({ path, text }: SourceFile): string[] {
  const { statements } = ts.createSourceFile(path, text, ts.ScriptTarget.Latest);
  return statements.flatMap((statement) => {
    const modifiers = ts.canHaveModifiers(statement) ? (ts.getModifiers(statement) ?? []) : [];
    const is = (kind: ts.SyntaxKind): boolean => modifiers.some((modifier) => modifier.kind === kind);
    if (!is(ts.SyntaxKind.ExportKeyword) || is(ts.SyntaxKind.DefaultKeyword)) return [];
    if (ts.isFunctionDeclaration(statement) || ts.isClassDeclaration(statement))
      return statement.name?.text ?? [];
    if (!ts.isVariableStatement(statement)) return [];
    return statement.declarationList.declarations.flatMap(({ name }) =>
      ts.isIdentifier(name) ? name.text : [],
    );
  });
}

/** Whoever looks for something by its name finds one. */
function sharedNames(files: readonly SourceFile[]): string[] {
  const named = files
    .filter(({ path }) => /^(services|mixins)\/.*\.ts$/.test(path))
    .flatMap((file) => exportedNames(file).map((name) => ({ name, path: file.path })));
  return [...Map.groupBy(named, ({ name }) => name)].flatMap(([name, places]) =>
    places
      .slice(1)
      .map(({ path }) => `${path}:1 shared-name: ${name} is also exported by ${places[0]?.path}`),
  );
}

/** All findings as `path:line rule: what`. */
export function untidy(files: readonly SourceFile[]): string[] {
  const findings = files.flatMap((file) =>
    rules
      .filter((rule) => rule.applies(file.path))
      .flatMap((rule) =>
        rule.find(file).map(({ line, what }) => `${file.path}:${line} ${rule.name}: ${what}`),
      ),
  );
  return [...findings, ...sharedNames(files)];
}
