/** Rules of the console's program that no linter knows, over its files' text; every finding is one line. */
import type { SourceFile } from "./tidy.ts";

interface ConsoleRule {
  readonly name: string;
  readonly pattern: RegExp;
  readonly what: string;
  /** The one file that may. */
  readonly but?: string;
}

export const consoleRules: readonly ConsoleRule[] = [
  {
    name: "markup",
    pattern:
      /\b(innerHTML|outerHTML|insertAdjacentHTML|dangerouslySetInnerHTML|createContextualFragment|setHTMLUnsafe|srcdoc|document\.write|DOMParser)\b/,
    what: "text becomes markup by a template alone",
  },
  { name: "code", pattern: /\beval\(|\bnew Function\(/, what: "text never becomes code" },
  {
    name: "inline-style",
    pattern: /\sstyle=|\.style\b(?!\w)|\.cssText\b|"style"/,
    what: "looks are the style sheet's, by a class",
  },
  { name: "inline-handler", pattern: /\son[a-z]+="/, what: "what an event does is a function" },
  {
    name: "storage",
    pattern: /\b(localStorage|sessionStorage|indexedDB|document\.cookie|caches\.open)\b/,
    what: "the browser keeps the settings alone",
    but: "core/settings.ts",
  },
  {
    name: "other-host",
    pattern: /["'`](https?:)?\/\/[\w$]/,
    what: "nothing is fetched from another host",
    // It reads a domain as a browser does, and fetches nothing.
    but: "core/import-wishes.ts",
  },
];

const isComment = (line: string): boolean => /^\s*(\/\/|\/?\*)/.test(line);

/** `path` is relative to the folder of the program. */
export const consoleFindings = ({ path, text }: SourceFile): string[] =>
  text
    .split("\n")
    .flatMap((line, index) =>
      consoleRules
        .filter(({ pattern, but }) => path !== but && !isComment(line) && pattern.test(line))
        .map(({ name, what }) => `${path}:${index + 1} ${name}: ${what}`),
    );
