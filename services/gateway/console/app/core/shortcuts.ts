/**
 * Keys that lead somewhere: `/` to the box, `g` and a letter to a page, `?` to the list of them.
 *
 * Promise: never while somebody writes, never with a modifier, and not at all once they are switched off (WCAG 2.1.4).
 */
import { go } from "./router.ts";
import { hrefOf, type Screen } from "./routes.ts";
import { settings } from "./settings.ts";

export const shortcuts: readonly { readonly keys: string; readonly leads: string; readonly to?: Screen }[] = [
  { keys: "/", leads: "to the box" },
  { keys: "g h", leads: "to the first page", to: "home" },
  { keys: "g u", leads: "to users", to: "users" },
  { keys: "g s", leads: "to the system", to: "system" },
  { keys: "g d", leads: "to dead letters", to: "letters" },
  { keys: "g c", leads: "to consistency", to: "consistency" },
  { keys: "g a", leads: "to the audit log", to: "audit" },
  { keys: "?", leads: "to the settings, where they stand", to: "settings" },
];

const secondKeyMsMax = 1_500;

const isWriting = (target: EventTarget | null): boolean =>
  target instanceof Element && target.closest("input, textarea, select, dialog, [contenteditable]") !== null;

export function beginShortcuts(): void {
  let firstKey: { readonly key: string; readonly atMs: number } | undefined;
  document.addEventListener("keydown", (event) => {
    if (
      !settings.get().shortcuts ||
      event.ctrlKey ||
      event.metaKey ||
      event.altKey ||
      isWriting(event.target)
    )
      return;
    const isSecond = firstKey !== undefined && Date.now() - firstKey.atMs < secondKeyMsMax;
    const keys = isSecond ? `${firstKey?.key} ${event.key}` : event.key;
    firstKey = !isSecond && event.key === "g" ? { key: "g", atMs: Date.now() } : undefined;
    const shortcut = shortcuts.find((each) => each.keys === keys);
    if (shortcut === undefined) return;
    event.preventDefault();
    if (shortcut.to !== undefined) go(hrefOf(shortcut.to));
    else document.querySelector<HTMLInputElement>("input[type=search]")?.focus();
  });
}
