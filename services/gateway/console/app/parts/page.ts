/** A page: its heading, or where one begins to type, which is focused when one arrives, and the title of the tab, which names no person. */
import type { RefObject, VNode } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { type Content, html } from "../core/html.ts";
import { useHere } from "../core/router.ts";
import { stalePlaces } from "../core/stale.ts";
import { useStore } from "../core/store.ts";

interface PageProps {
  /** For the tab and the history: never an address or a name. */
  readonly title: string;
  /** What stands before it in the tab while something is wrong. */
  readonly alarm?: string | undefined;
  readonly heading?: Content;
  /** Where one begins to type, from the first page that is loaded on; without it the heading is arrived at. */
  readonly begin?: RefObject<HTMLElement>;
  readonly children?: Content;
}

let focused = 0;

export function Page({ title, alarm, heading, begin, children }: PageProps): VNode {
  const { page } = useHere();
  const place = useRef<HTMLHeadingElement>(null);
  const isStale = useStore(stalePlaces) > 0;
  useEffect(() => {
    document.title = [isStale ? "can't refresh" : undefined, alarm, title, "mailroster"]
      .filter((part) => part !== undefined)
      .join(" · ");
  }, [title, alarm, isStale]);
  useEffect(() => {
    if (page === focused && begin === undefined) return;
    focused = page;
    (begin ?? place).current?.focus();
  }, [page]);
  return html`<h1 ref=${place} tabIndex=${-1}>${heading ?? title}</h1>${children}`;
}
