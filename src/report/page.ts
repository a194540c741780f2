import { type Content, type Html, markup } from "./html.ts";

/** How it looks: on paper and on screens, light and dark, wide and narrow. */
const STYLE = `
:root {
  color-scheme: light;
  --paper: #fff; --ink: #1c1c22; --soft: #565661; --line: #d5d5de; --panel: #f5f5f9; --bad: #b3261e; --shade: #0003;
  --heat: #0b4f8a; --on: #000; --on-76: #fff; --on-82: #fff; --link: #0b4f8a;
  --c0: #0b6bb8; --c1: #c2570c; --c2: #1a7f4b; --c3: #a3268f; --c4: #6b5b00; --c5: #6a4bc4; --c6: #b3261e; --c7: #4b5563;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    color-scheme: dark;
    --paper: #15161a; --ink: #e9e9ef; --soft: #adadb9; --line: #3a3b45; --panel: #1e1f26; --bad: #ff8a80; --shade: #fff3;
    --heat: #3d8fd6; --on: #fff; --on-76: #fff; --on-82: #000; --link: #8cc4ff;
    --c0: #5cb0f5; --c1: #f59a52; --c2: #58c98b; --c3: #ec7fdc; --c4: #d8c545; --c5: #ab95f7; --c6: #ff8a80; --c7: #a9b4c2;
  }
}
@media screen and (prefers-color-scheme: dark) { svg image { filter: brightness(1.6); } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0 auto; padding: 0 1.5rem 4rem; max-width: 88rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, "Liberation Sans", "DejaVu Sans", sans-serif;
}
a { color: var(--link); }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
.skip { position: absolute; left: -999rem; }
.skip:focus { left: 1rem; top: 1rem; background: var(--paper); padding: .5rem; z-index: 1; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 2rem 0 .3rem; overflow-wrap: anywhere; }
h2 { font-size: 1.5rem; line-height: 1.25; margin: 3rem 0 .5rem; padding-top: 1rem; border-top: 3px solid var(--ink); overflow-wrap: anywhere; }
h3 { font-size: 1.2rem; margin: 2.2rem 0 .4rem; padding-bottom: .15rem; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
h4 { font-size: 1rem; margin: 1.4rem 0 .3rem; overflow-wrap: anywhere; }
p { margin: .3rem 0 .6rem; max-width: 75ch; overflow-wrap: anywhere; }
.note, figcaption p, small { color: var(--soft); font-size: .9rem; }
.warning { border-left: 4px solid var(--bad); padding-left: .7rem; }
.bad { color: var(--bad); }
nav ul { list-style: none; margin: .6rem 0; padding: 0; display: flex; flex-wrap: wrap; gap: .1rem 1.1rem; }
nav > ul > li { flex-basis: 100%; }
nav ul ul { margin: 0 0 .4rem; }
nav a { overflow-wrap: anywhere; }
.grid { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 34rem), 1fr)); gap: 1rem 2rem; align-items: start; }
.grid > * { min-width: 0; max-width: 44rem; }
figure { margin: .6rem 0; min-width: 0; }
figure h4 { margin: .6rem 0 0; }
figcaption p { margin: 0 0 .3rem; }
figure svg { max-width: 100%; height: auto; overflow: visible; }
.narrow { display: none; }
.legend { list-style: none; margin: .2rem 0; padding: 0; display: flex; flex-wrap: wrap; gap: .15rem 1rem; font-size: .9rem; }
.legend li { display: flex; align-items: center; gap: .35rem; min-width: 0; }
.legend svg { flex: none; }
.frame {
  overflow-x: auto; margin: 0 0 .6rem; max-width: 100%; position: relative;
  background:
    linear-gradient(90deg, var(--paper) 40%, transparent) left / 2rem 100% no-repeat local,
    linear-gradient(270deg, var(--paper) 40%, transparent) right / 2rem 100% no-repeat local,
    linear-gradient(90deg, var(--shade), transparent) left / .7rem 100% no-repeat scroll,
    linear-gradient(270deg, var(--shade), transparent) right / .7rem 100% no-repeat scroll;
}
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
.caption { color: var(--soft); font-size: .9rem; margin: .8rem 0 .1rem; max-width: none; }
caption { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
th, td { padding: .22rem .6rem; border-bottom: 1px solid var(--line); text-align: right; vertical-align: middle; white-space: nowrap; }
thead th { vertical-align: bottom; white-space: normal; min-width: 3.5rem; }
th { font-weight: 600; }
.w { text-align: left; }
tbody th { position: sticky; left: 0; background: var(--paper); }
td.w { white-space: normal; min-width: 4rem; max-width: 24rem; }
th .name, td .name { display: inline-block; width: max-content; max-width: 22rem; white-space: normal; vertical-align: middle; text-align: left; }
.pair { white-space: nowrap; }
.stack > * { min-width: 0; }
.list .name { display: inline; }
td .thumbs { width: max-content; max-width: 21.5rem; }
.list { display: block; text-align: left; white-space: normal; min-width: 16rem; max-width: 48rem; overflow-wrap: anywhere; }
.name { overflow-wrap: anywhere; }
.number { color: var(--soft); display: inline-block; min-width: 1.3rem; }
.heat { border-collapse: separate; border-spacing: 2px; }
.heat th, .heat td { border: 0; padding: .2rem .35rem; }
.heat thead th { min-width: 2.2rem; text-align: center; }
.heat tbody th { white-space: nowrap; }
.heat .name { max-width: 11rem; }
.heat td { text-align: center; min-width: 2.6rem; border-radius: 3px; }
.heat .h {
  background: color-mix(in srgb, var(--heat) var(--p), var(--paper)); color: var(--on);
  box-shadow: inset 0 0 0 1px color-mix(in srgb, var(--heat) 25%, transparent);
  -webkit-print-color-adjust: exact; print-color-adjust: exact;
}
.heat .s76 { color: var(--on-76); }
.heat .s82 { color: var(--on-82); }
.heat .none { color: var(--soft); }
.dense { font-size: .75rem; }
.dense th, .dense td { padding: .12rem .1rem; }
.dense td, .dense thead th { min-width: 1.65rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(9rem, 1fr)); gap: .6rem; margin: .8rem 0; }
.tiles > div { background: var(--panel); border: 1px solid var(--line); border-radius: 8px; padding: .6rem .8rem; min-width: 0; }
.tiles dt { color: var(--soft); font-size: .85rem; }
.tiles dd { margin: 0; font-size: 1.4rem; font-weight: 600; overflow-wrap: anywhere; }
.tiles small { display: block; font-weight: 400; font-size: .8rem; }
.facts, .legend-text { margin: .5rem 0; }
.facts > div, .legend-text > div { display: grid; grid-template-columns: minmax(6rem, 14rem) 1fr; gap: 0 1rem; padding: .12rem 0; }
.facts dt, .legend-text dt { color: var(--soft); overflow-wrap: anywhere; }
.facts dd, .legend-text dd { margin: 0; overflow-wrap: anywhere; min-width: 0; }
details { margin: .4rem 0; }
summary { cursor: pointer; color: var(--link); font-size: .9rem; overflow-wrap: anywhere; }
pre { background: var(--panel); border: 1px solid var(--line); border-radius: 6px; padding: .7rem; overflow-x: auto; white-space: pre-wrap; overflow-wrap: anywhere; font-size: .82rem; }
code { overflow-wrap: anywhere; font-size: .85em; }
img { image-rendering: pixelated; }
.thumbs { display: inline-flex; flex-wrap: wrap; gap: 3px; vertical-align: middle; }
.thumbs img { width: 40px; height: 40px; }
.gallery { list-style: none; margin: .5rem 0; padding: 0; display: grid; grid-template-columns: repeat(auto-fill, minmax(8rem, 1fr)); gap: .8rem; }
.gallery li { font-size: .85rem; line-height: 1.3; min-width: 0; break-inside: avoid; }
.gallery img { display: block; width: 64px; height: 64px; margin-bottom: .2rem; }
@media screen and (max-width: 680px) {
  body { padding: 0 .8rem 3rem; }
  .wide { display: none; }
  .narrow { display: block; }
  th, td { padding: .2rem .4rem; }
  .facts > div, .legend-text > div { grid-template-columns: 1fr; }
  .facts dd, .legend-text dd { margin-bottom: .3rem; }
  .tiles { grid-template-columns: repeat(auto-fill, minmax(7rem, 1fr)); }
  th .name, td .name { max-width: 6.8rem; }
  thead th { min-width: 2.4rem; }
  .heat td, .heat thead th { min-width: 1.75rem; padding: .15rem .1rem; }
  .heat { font-size: .8rem; }
  td .thumbs { max-width: 4.4rem; }
  .thumbs img { width: 32px; height: 32px; }
}
@media print {
  :root { --line: #bbb; }
  body { max-width: none; padding: 0; font-size: 10.5pt; }
  .skip, nav { display: none; }
  .wide { display: block; }
  .narrow { display: none; }
  .frame { overflow: visible; background: none; }
  tbody th { position: static; }
  .heat, .short, h4 + p, h3 + p { break-inside: avoid; }
  h4 + p, h3 + p, .caption { break-after: avoid; }
  .grid { display: block; }
  .grid > * { max-width: 100%; }
  h1, h2, h3, h4, figcaption, caption, .legend { break-after: avoid; }
  figure, tr, .tiles, .facts > div { break-inside: avoid; }
  figure svg { max-width: 5.6in; }
  table { font-size: 8.5pt; }
  th, td { padding: .1rem .3rem; }
  thead th { min-width: 0; }
  .dense { font-size: 6.5pt; }
  .dense td, .dense thead th { min-width: 0; }
  details:not([open]) { display: none; }
  a { color: inherit; text-decoration: none; }
}
`;

/** A section, with what leads to it. */
export interface Section {
  readonly id: string;
  readonly title: Content;
  readonly content: Html;
}

/** A chapter of a page. */
export interface Chapter {
  readonly id: string;
  readonly title: Content;
  readonly sections: readonly Section[];
}

/** The whole page: one file that needs no other, no network and no program of its own. */
export function page(title: string, lead: Content, chapters: readonly Chapter[]): string {
  const links = (sections: readonly { readonly id: string; readonly title: Content }[]) =>
    sections.map(({ id, title }) => markup`<li><a href="#${id}">${title}</a></li>`);
  const body = markup`<a class="skip" href="#content">To the content</a>
<header><h1>${title}</h1>${lead}
<nav aria-label="Contents"><ul>${
    chapters.map(({ id, title, sections }) =>
      markup`<li><a href="#${id}">${title}</a><ul>${links(sections)}</ul></li>`
    )
  }</ul></nav></header>
<main id="content">${
    chapters.map(({ id, title, sections }) =>
      markup`<section aria-labelledby="${id}"><h2 id="${id}">${title}</h2>${
        sections.map(({ id, title, content }) =>
          markup`
<section aria-labelledby="${id}"><h3 id="${id}">${title}</h3>${content}</section>`
        )
      }</section>`
    )
  }
</main>`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
${markup`<title>${title}</title>`.text}
<style>${STYLE}</style>
</head>
<body>
${body.text}
</body>
</html>
`;
}
