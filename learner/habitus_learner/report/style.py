"""The page's style: one sheet, light and dark, wide and narrow.

Colours have meanings: green is what was learned, grey what was there before, red what was
worse or taken back. No font, picture or script comes from anywhere else.
"""

STYLE = """
:root {
  color-scheme: light dark;
  --paper: #fcfbf8; --card: #f5f3ed; --ink: #23262b; --soft: #62676f; --rule: #e3dfd6;
  --new: #0c7060; --new-pale: #0c706022; --old: #8b8f97; --shown: #d8d4ca; --bad: #b23c2a;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #16181b; --card: #1e2124; --ink: #e7e4dd; --soft: #9ba1a9; --rule: #2e3236;
    --new: #52bfa9; --new-pale: #52bfa926; --old: #868c95; --shown: #3c4147; --bad: #ea8a76;
  }
}
* { box-sizing: border-box; }
html { background: var(--paper); -webkit-text-size-adjust: 100%; }
body {
  margin: 0 auto; padding: 72px 40px 96px; max-width: 1080px; color: var(--ink);
  font: 16px/1.6 system-ui, -apple-system, "Segoe UI", "Noto Sans", sans-serif;
}
h1, h2, .lede, .big {
  font-family: "Iowan Old Style", "Palatino Linotype", Palatino, "URW Palladio L", P052,
    Georgia, "Noto Serif", "DejaVu Serif", serif;
  font-weight: 400; letter-spacing: -0.01em;
}
h1 { font-size: 46px; line-height: 1.1; margin: 4px 0 28px; }
h2 { font-size: 28px; line-height: 1.2; margin: 0 0 6px; }
h3 { font-size: 15px; font-weight: 600; margin: 0 0 2px; color: var(--ink); }
.kicker { color: var(--soft); font-size: 14px; margin: 0; }
.lede { font-size: 24px; line-height: 1.45; max-width: 34em; margin: 0 0 10px; }
.meta, .note, figcaption, .empty { color: var(--soft); font-size: 14.5px; }
.note, .empty { max-width: 44em; margin: 0 0 22px; }
section { margin-top: 76px; border-top: 1px solid var(--rule); padding-top: 26px; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(190px, 1fr));
  gap: 26px 36px; margin: 40px 0 0; padding: 0; list-style: none; }
.big { display: block; font-size: 38px; line-height: 1.15; }
.figures span { color: var(--soft); font-size: 14px; display: block; line-height: 1.45; }
.figures .big { color: var(--ink); font-size: 38px; }
.figures .big.new { color: var(--new); }
.grid { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 270px), 1fr));
  gap: 44px 48px; }
figure { margin: 0; min-width: 0; }
figcaption { margin: 0 0 10px; }
svg { display: block; width: 100%; height: auto; overflow: visible; }
svg text { font: 13px system-ui, -apple-system, "Segoe UI", "Noto Sans", sans-serif;
  fill: var(--ink); }
svg .tick { fill: var(--soft); font-size: 12px; }
svg .small { font-size: 12px; }
svg .lane { font-weight: 600; }
svg .value { font-weight: 600; font-variant-numeric: tabular-nums; }
.grid figure svg { max-width: 420px; }
.places { display: grid; grid-template-columns: minmax(0, 440px) minmax(0, 1fr); gap: 32px 56px; }
svg.narrow { display: none; }
svg .grid { stroke: var(--rule); stroke-width: 1; fill: none; }
svg .paper { fill: var(--paper); }
svg .axis { stroke: var(--old); stroke-width: 1; }
svg .limit { stroke: var(--bad); stroke-width: 1; stroke-dasharray: 3 3; }
svg .thread { stroke: var(--new); stroke-width: 1.5; fill: none; opacity: .55; }
svg .fill-new { fill: var(--new); } svg .fill-old { fill: var(--old); }
svg .fill-bad { fill: var(--bad); } svg .fill-shown { fill: var(--shown); }
svg .quiet { fill: var(--old); opacity: .5; }
svg .rest { fill: var(--rule); opacity: .55; }
svg .better { fill: var(--new-pale); }
svg .hollow { fill: var(--paper); stroke: var(--old); stroke-width: 1.8; }
svg .stroke-bad { stroke: var(--bad); stroke-width: 2.4; fill: none; }
svg .ci-new { stroke: var(--new); stroke-width: 1.4; opacity: .75; }
svg .ci-old { stroke: var(--old); stroke-width: 1.4; }
svg .move-new { stroke: var(--new); stroke-width: 3; opacity: .3; }
svg .move-old { stroke: var(--old); stroke-width: 3; opacity: .3; }
svg .move-bad { stroke: var(--bad); stroke-width: 3; opacity: .3; }
svg .key-new { fill: var(--new); } svg .key-old { fill: var(--soft); }
svg .key-bad { fill: var(--bad); } svg tspan.key-shown { fill: var(--soft); }
details { margin-top: 12px; font-size: 14px; }
summary { color: var(--soft); cursor: pointer; width: max-content; max-width: 100%; }
summary:focus-visible { outline: 2px solid var(--new); outline-offset: 3px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; margin-top: 8px; font-size: 14px;
  font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 5px 22px 5px 0; border-bottom: 1px solid var(--rule);
  vertical-align: top; font-weight: 400; }
th { color: var(--soft); font-size: 13px; }
code, pre { font: 13.5px/1.55 ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas,
  "DejaVu Sans Mono", monospace; }
pre, dd code { white-space: pre-wrap; overflow-wrap: anywhere; margin: 0; }
.cases { display: grid; gap: 22px;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr)); margin-top: 22px; }
.case { background: var(--card); border-radius: 8px; padding: 16px 20px; min-width: 0; }
.where { color: var(--soft); font-size: 13px; margin: 0 0 8px; overflow-wrap: anywhere; }
.lead { color: var(--soft); }

.case dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 16px;
  margin: 10px 0 0; align-items: baseline; }
.case dt { color: var(--soft); font-size: 13px; }
.case dd { margin: 0; min-width: 0; font-size: 14px; }

.places .cases { grid-template-columns: minmax(0, 1fr); align-content: start; margin-top: 0; }
.right { color: var(--new); } .wrong { color: var(--old); text-decoration: line-through;
  text-decoration-thickness: 1px; }
.bad { color: var(--bad); }
.log { list-style: none; margin: 0; padding: 0; }
.log li { display: grid; grid-template-columns: 150px 150px 1fr; gap: 4px 24px;
  padding: 12px 0; border-bottom: 1px solid var(--rule); }
.steps { margin-top: 36px; }
.steps li { grid-template-columns: 300px 1fr; }
.log .meta { font-variant-numeric: tabular-nums; }
.log p { margin: 0; max-width: 46em; overflow-wrap: anywhere; }
.subhead { margin-top: 48px; }
footer { margin-top: 80px; border-top: 1px solid var(--rule); padding-top: 20px;
  color: var(--soft); font-size: 14px; max-width: 46em; }
@media (max-width: 640px) {
  body { padding: 36px 18px 60px; }
  h1 { font-size: 36px; } .lede { font-size: 20px; } section { margin-top: 54px; }
  svg.wide { display: none; } svg.narrow { display: block; }
  .log li, .places { grid-template-columns: minmax(0, 1fr); }
  .figures { grid-template-columns: 1fr 1fr; gap: 24px; } .figures .big { font-size: 30px; }
}
@media print { body { padding: 0; } section { break-inside: avoid-page; } }
"""
