/** A mutation: the few lines without which a guarantee does not hold, and the test that has to notice. */

export interface Edit {
  /** From the root of the repository. */
  readonly file: string;
  /** Exactly once in the file. */
  readonly find: string;
  readonly replace: string;
}

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

/** Throws when the text is not there exactly once. */
export function applied({ file, find, replace }: Edit, text: string): string {
  const parts = text.split(find);
  if (parts.length !== 2)
    throw new Error(`Cannot mutate ${file}: the text is there ${parts.length - 1} times: ${find}`);
  return parts.join(replace);
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
