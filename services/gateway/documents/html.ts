/**
 * What the gateway's pages for people have in common: their frame, one style sheet for light and dark, and text that
 * can't become markup. No script, nothing inline and nothing of another host, so that they work offline and under the
 * Content-Security-Policy of every answer.
 */

/** Text as it is, also between quotes. */
export const escapeHtml = (text: string): string =>
  text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");

const pages = { "/": "Start", "/docs": "HTTP API", "/docs/events": "Events" } as const;

interface Page {
  readonly path: keyof typeof pages;
  readonly title: string;
  /** Markup. */
  readonly main: string;
  /** Markup at the end of the head and of the body. */
  readonly head?: string;
  readonly scripts?: string;
}

const linkTo = (path: string, name: string, here: string): string =>
  `<a href="${path}"${path === here ? ' aria-current="page"' : ""}>${name}</a>`;

export const pageOf = ({ path, title, main, head = "", scripts = "" }: Page): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<link rel="icon" type="image/png" sizes="32x32" href="/docs/favicon-32x32.png">
${head}<link rel="stylesheet" href="/docs/page.css">
</head>
<body>
<header><nav aria-label="Pages">${Object.entries(pages)
  .map(([target, name]) => linkTo(target, name, path))
  .join(" ")}</nav></header>
${main}
${scripts}</body>
</html>
`;

/**
 * Colours have a contrast of 4.5 and more on their ground, in both schemes; the dark ground is Swagger UI's. Only what
 * is within `.prose` is styled by its name, because Swagger UI's own elements have the same names.
 */
export const pageStyle = `:root { color-scheme: light dark; --paper: #fff; --ink: #1d2733; --dim: #56626f; --rule: #dde3ea; --link: #0b5cad; --code: #f3f5f8; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #1c2022; --ink: #e4e6e6; --dim: #a9b2ba; --rule: #3a4147; --link: #7db8f5; --code: #14181a; }
}
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
body > header { border-bottom: 1px solid var(--rule); padding: .8rem 1.2rem; }
nav a { margin-right: 1.2rem; }
nav a[aria-current] { color: inherit; text-decoration: none; font-weight: 600; }
nav a, .prose a { color: var(--link); }
.prose { margin: 0 auto; max-width: 62rem; padding: .4rem 1.2rem 3rem; }
.prose h1 { font-size: 1.7rem; margin: 1.4rem 0 .4rem; }
.prose h2 { font-size: 1.3rem; margin: 2.4rem 0 .4rem; border-top: 1px solid var(--rule); padding-top: 1.4rem; }
.prose h3 { font-size: 1rem; margin: 1.4rem 0 .4rem; }
.dim { color: var(--dim); }
.prose code, .prose pre { font: .88em/1.5 ui-monospace, monospace; background: var(--code); border-radius: .25rem; }
.prose code { padding: .1em .3em; overflow-wrap: anywhere; }
.prose pre { padding: .8rem; overflow-x: auto; }
.prose pre code { padding: 0; background: none; overflow-wrap: normal; }
.prose table { border-collapse: collapse; width: 100%; }
.prose th, .prose td { border-bottom: 1px solid var(--rule); padding: .35rem 1rem .35rem 0; text-align: left; vertical-align: top; }
.prose th { color: var(--dim); font-weight: 500; }
.prose td:first-child code { white-space: nowrap; }
.prose dt { font-weight: 600; margin-top: .8rem; }
.prose dd { margin: 0; }
@media (max-width: 40rem) {
  .prose thead { display: none; }
  .prose tr, .prose td { display: block; }
  .prose td { border: 0; padding: 0; }
  .prose tr { border-bottom: 1px solid var(--rule); padding: .5rem 0; }
  .prose td:first-child code { white-space: normal; }
}
`;
