import { createHash } from 'node:crypto';
import { type Html, html, verbatim } from './html.ts';

/** What the pages of a report differ in. */
export interface Document {
  readonly title: string;
  readonly eyebrow: string;
  readonly heading: Html;
  readonly facts: Html;
  readonly main: Html;
  readonly style: string;
  /** Null for a page that runs nothing. */
  readonly script: string | null;
  readonly version: string;
  readonly node: string;
}

/** A whole page in one file. Its policy lets it run nothing but its own script and load nothing at all. */
export function document(of: Document): Html {
  const script = of.script === null ? '' : ` script-src '${digest(of.script)}';`;
  const policy = `default-src 'none'; style-src '${digest(of.style)}';${script} base-uri 'none'; form-action 'none'`;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${of.title}</title>
<style>${verbatim(of.style)}</style>
</head>
<body>
<header>
<p class="eyebrow">${of.eyebrow}</p>
<h1>${of.heading}</h1>
${of.facts}
</header>
<main>
${of.main}
</main>
<footer>Written by evalplanner ${of.version} on Node ${of.node}. This file loads nothing from anywhere.</footer>${
    of.script === null ? '' : html`\n<script>${verbatim(of.script)}</script>`
  }
</body>
</html>
`;
}

function digest(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}
