/** A page: its heading, which is focused when one arrives, and the title of the tab, which names no person. */
import type { VNode } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { type Content, html } from "../core/html.ts";
import { useHere } from "../core/router.ts";

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
  useEffect(() => {
    document.title = `${alarm === undefined ? "" : `${alarm} · `}${title} · mailroster`;
  }, [title, alarm]);
  useEffect(() => {
    if (page === focused) return;
    focused = page;
    place.current?.focus();
  }, [page]);
  return html`<h1 ref=${place} tabIndex=${-1}>${heading ?? title}</h1>${children}`;
}
