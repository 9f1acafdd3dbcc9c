/** Theme, zone, shortcuts: all that the console keeps in this browser. */
import type { VNode } from "preact";
import { html } from "../core/html.ts";
import { keepSettings, type Settings, useSettings } from "../core/settings.ts";
import { shortcuts } from "../core/shortcuts.ts";
import { Page } from "../parts/page.ts";

interface ChoiceProps {
  readonly legend: string;
  readonly name: "theme" | "times";
  readonly choices: readonly (readonly [value: string, text: string])[];
}

function Choice({ legend, name, choices }: ChoiceProps): VNode {
  const now = useSettings()[name];
  return html`<fieldset>
    <legend>${legend}</legend>
    ${choices.map(
      ([value, text]) => html`<label class="choice">
        <input type="radio" name=${name} checked=${now === value} onChange=${() => keepSettings({ [name]: value } as Partial<Settings>)} /> ${text}
      </label>`,
    )}
  </fieldset>`;
}

export function SettingsPage(): VNode {
  const settings = useSettings();
  const zone = new Intl.DateTimeFormat().resolvedOptions().timeZone;
  return html`<${Page} title="Settings">
    <p class="quiet">Kept in this browser. It is all that the console keeps here.</p>
    <${Choice} legend="Theme" name="theme" choices=${[
      ["system", "As the system has it"],
      ["light", "Light"],
      ["dark", "Dark"],
    ]} />
    <${Choice} legend="Times" name="times" choices=${[
      ["local", `Of this place (${zone})`],
      ["UTC", "UTC"],
    ]} />
    <fieldset>
      <legend>Shortcuts</legend>
      <label class="choice">
        <input type="checkbox" checked=${settings.shortcuts} onChange=${() => keepSettings({ shortcuts: !settings.shortcuts })} /> Single keys lead to pages
      </label>
      <dl class="facts">
        ${shortcuts.map(({ keys, leads }) => html`<dt>${keys.split(" ").map((key) => html`<kbd>${key}</kbd> `)}</dt><dd>${leads}</dd>`)}
      </dl>
    </fieldset>
  </${Page}>`;
}
