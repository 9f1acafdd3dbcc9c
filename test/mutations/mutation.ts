/** A mutation: the few lines without which a guarantee does not hold, and the test that has to notice. */
import type { Operator } from "./operators.ts";
import { scopeOf } from "./scope.ts";

export interface Edit {
  /** From the root of the repository. */
  readonly file: string;
  /** A name of the file and what is named in it, dotted; empty: the file itself. */
  readonly within: string;
  readonly operator: Operator;
}

export const edit = (file: string, within: string, operator: Operator): Edit => ({ file, within, operator });

export interface Mutation {
  /** Unique; what `npm run mutations -- <name>` and docs/guarantees.md call it. */
  readonly name: string;
  /** The row of docs/guarantees.md. */
  readonly guarantee: string;
  readonly edits: readonly Edit[];
  /** The test that goes red. */
  readonly file: string;
  readonly title: string;
}

/** Throws when there is not exactly one place for it. */
export function applied({ file, within, operator }: Edit, text: string): string {
  try {
    return operator(scopeOf(file, text, within));
  } catch (error) {
    throw new Error(`Cannot mutate ${within} of ${file}: ${(error as Error).message}`);
  }
}

const inLiteral = (quote: string): RegExp =>
  new RegExp(`\\btest(?:\\.serial)?\\(\\s*${quote}((?:[^${quote}\\\\]|\\\\.)*)${quote}`, "g");

/** Whether a test file's text has a test of this title; what a template fills in may be anything. */
export function hasTitle(text: string, title: string): boolean {
  const escaped = (part: string): string => part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const plain = [...text.matchAll(inLiteral('"'))].map(
    ([, literal = ""]) => JSON.parse(`"${literal}"`) as string,
  );
  const templates = [...text.matchAll(inLiteral("`"))].map(([, literal = ""]) => literal);
  return (
    plain.includes(title) ||
    templates.some((template) =>
      new RegExp(
        `^${template
          .split(/\$\{[^}]*\}/)
          .map(escaped)
          .join(".+")}$`,
      ).test(title),
    )
  );
}
