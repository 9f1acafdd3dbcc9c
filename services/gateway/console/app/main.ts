/** The console: what a browser runs below /console. */
import { render } from "preact";
import { html } from "./core/html.ts";
import { beginOnline } from "./core/online.ts";
import { beginRouting } from "./core/router.ts";
import { hasEnded, lookAtSession } from "./core/session.ts";
import { beginSettings } from "./core/settings.ts";
import { beginShortcuts } from "./core/shortcuts.ts";
import { Shell } from "./screens/shell.ts";

beginSettings();
beginOnline();
beginRouting();
beginShortcuts();
void lookAtSession();
// Whoever has signed in again in another window comes back to this one.
window.addEventListener("focus", () => {
  if (hasEnded.get()) void lookAtSession();
});

const place = document.getElementById("app");
if (place !== null) render(html`<${Shell} />`, place);
