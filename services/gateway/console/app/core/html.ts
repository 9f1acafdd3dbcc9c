/** Templates in the page's own language: htm on preact, of which nothing becomes markup by itself. */
import htm from "htm";
import { h, type VNode } from "preact";

/** What stands between two tags. */
export type Content = VNode | string | number | null | undefined | false | readonly Content[];

export const html = htm.bind(h) as (strings: TemplateStringsArray, ...values: unknown[]) => VNode;
