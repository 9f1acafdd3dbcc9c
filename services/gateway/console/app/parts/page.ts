/** A page: its heading, which is focused when one arrives, and the title of the tab, which names no person. */
import type { VNode } from "preact";
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
  readonly children?: Content;
}

let focused = 0;

export function Page({ title, alarm, heading, children }: PageProps): VNode {
  const { page } = useHere();
  const place = useRef<HTMLHeadingElement>(null);
  const isStale = useStore(stalePlaces) > 0;
  useEffect(() => {
    document.title = [isStale ? "can't refresh" : undefined, alarm, title, "mailroster"]
      .filter((part) => part !== undefined)
      .join(" · ");
  }, [title, alarm, isStale]);
  useEffect(() => {
    if (page === focused) return;
    focused = page;
    place.current?.focus();
  }, [page]);
  return html`<h1 ref=${place} tabIndex=${-1}>${heading ?? title}</h1>${children}`;
}
