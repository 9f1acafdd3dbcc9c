/** Colours on a terminal only; `NO_COLOR` and `FORCE_COLOR` decide otherwise. */
import { styleText } from "node:util";

const colours = {
  "✓": "green",
  "✔": "green",
  "✗": "red",
  "✘": "red",
  "…": "yellow",
  "?": "yellow",
  "!": "yellow",
  "→": "cyan",
  "←": "cyan",
} as const;
type Mark = keyof typeof colours;

/** Node's own rule for the stream: is it a terminal, of how many colours, and what the environment asks for. */
const paint = (style: Parameters<typeof styleText>[0], text: string): string =>
  styleText(style, text, { stream: process.stdout });

/** The mark at the begin of each line in its colour, and a line that is a heading (`1. …`) in bold. */
export const colourMarks = (text: string): string =>
  text
    .replace(/^( *)([✓✔✗✘…?!→←])(?= )/gm, (_line, indent: string, mark: Mark) =>
      indent.concat(paint(colours[mark], mark)),
    )
    .replace(/^\d+\. .*$/gm, (heading) => paint("bold", heading));
