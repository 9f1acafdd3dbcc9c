/** Texts that people write for people: names, and reasons for what was done. */
import * as z from "zod";
import { visible } from "./unicode.ts";

/** As `trim`, which would take a line separator at the end away before anybody could object to it. */
const trim = (text: string): string =>
  text.replace(/^[^\S\p{Zl}\p{Zp}]+|(?<![^\S\p{Zl}\p{Zp}])[^\S\p{Zl}\p{Zp}]+$/gu, "");

/** What was ever taken: one line of 1 to `charsMax` characters, without the space around it. */
export const storedText = (charsMax: number) =>
  z
    .string()
    .overwrite(trim)
    .min(1, "must not be empty")
    .max(charsMax, `must have at most ${charsMax} characters`)
    .refine((text) => !/\p{Cc}/u.test(text), "must not contain control characters")
    .refine((text) => text.isWellFormed(), "must be well-formed Unicode");

/**
 * Why nobody may write it anew: what breaks the line or turns the direction of everything around it, and what shows
 * nothing. What other characters need to look right is kept (joiners, variation selectors): no two texts are compared
 * by how they look.
 */
export function objectionToText(text: string): string | undefined {
  if (/[\p{Zl}\p{Zp}]/u.test(text)) return "must not contain line separators";
  if (/\p{Bidi_Control}/u.test(text)) return "must not contain controls of the writing direction";
  if (/\p{Noncharacter_Code_Point}/u.test(text)) return "must not contain noncharacters of Unicode";
  if (/^\p{M}/u.test(text)) return "must not begin with a combining mark";
  if (!visible.test(text)) return "must have a character that can be seen";
  return undefined;
}

/** With what nobody may write anew refused. */
export const newText = (charsMax: number) =>
  storedText(charsMax).superRefine((text, ctx) => {
    const message = text === "" ? undefined : objectionToText(text);
    if (message !== undefined) ctx.addIssue({ code: "custom", message });
  });
