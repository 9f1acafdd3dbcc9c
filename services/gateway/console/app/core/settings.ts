/** Promise: of all that the console knows, the browser keeps these three alone: theme, zone of times, shortcuts. */
import { storeOf, useStore } from "./store.ts";
import type { Zone } from "./times.ts";

export interface Settings {
  readonly theme: "system" | "light" | "dark";
  readonly times: "local" | "UTC";
  readonly shortcuts: boolean;
}

const place = "mailroster-console";
const unset: Settings = { theme: "system", times: "local", shortcuts: true };

/** A browser may forbid to keep anything, and anybody may have written there. */
function kept(): Settings {
  try {
    const { theme, times, shortcuts } = JSON.parse(window.localStorage.getItem(place) ?? "{}") as Record<
      string,
      unknown
    >;
    return {
      theme: theme === "light" || theme === "dark" ? theme : "system",
      times: times === "UTC" ? "UTC" : "local",
      shortcuts: shortcuts !== false,
    };
  } catch {
    return unset;
  }
}

export const settings = storeOf<Settings>(kept());
export const useSettings = (): Settings => useStore(settings);

function show({ theme }: Settings): void {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

export function keepSettings(changed: Partial<Settings>): void {
  const { theme, times, shortcuts } = { ...settings.get(), ...changed };
  const next = { theme, times, shortcuts };
  settings.set(next);
  show(next);
  try {
    window.localStorage.setItem(place, JSON.stringify(next));
  } catch {
    // It holds until the page is left.
  }
}

export const beginSettings = (): void => show(settings.get());

export const zoneOf = ({ times }: Settings): Zone =>
  times === "UTC" ? "UTC" : new Intl.DateTimeFormat().resolvedOptions().timeZone;
