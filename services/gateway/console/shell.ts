/** The one page of the console: everything else on it is made by its program. Nothing inline, nothing of another host. */
import type { Bundle } from "./bundle.ts";

const assets = "/console/assets/";

/** Every module that is needed at once is named here, so that a browser fetches all at once and not one after the other. */
export function shellPage({ modules: [entry = "", ...others], styles, icon }: Bundle): string {
  const lines = [
    ...(icon === undefined ? [] : [`<link rel="icon" type="image/svg+xml" href="${assets}${icon}">`]),
    ...styles.map((name) => `<link rel="stylesheet" href="${assets}${name}">`),
    ...others.map((name) => `<link rel="modulepreload" href="${assets}${name}">`),
    `<script type="module" src="${assets}${entry}"></script>`,
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>mailroster</title>
${lines.join("\n")}
</head>
<body>
<div id="app"></div>
<noscript><p>The console needs JavaScript. <a href="/docs">/docs</a> tells of the HTTP API that it uses.</p></noscript>
</body>
</html>
`;
}
