"""The look of the page: light and dark, on screens and on paper."""

STYLE = """
:root { color-scheme: light dark; --ink: #1d2126; --faint: #5b636d; --line: #d5d9de;
  --ground: #fff; --head: #f1f3f5; --bar: #6f94b8; --band: #e4edf5; --middle: #b3541e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e7ea; --faint: #a2aab3;
  --line: #3d444c; --ground: #1b1e22; --head: #262b31; --bar: #5f88b0; --band: #2a3540;
  --middle: #f0a35e; } }
* { box-sizing: border-box; }
body { margin: 2rem auto; padding: 0 1.25rem; max-width: 80rem; color: var(--ink);
  background: var(--ground); font: 15px/1.45 system-ui, "Segoe UI", Roboto, sans-serif; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; padding-bottom: .2rem;
  border-bottom: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.4rem 0 .4rem; }
nav { margin: .5rem 0 1rem; display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; }
a { color: inherit; }
p { margin: .4rem 0; max-width: 60rem; }
.disclaimer { margin: 0 0 1rem; font-weight: 600; }
.warning { margin: .8rem 0; padding: .5rem .75rem; font-weight: 600; border: 2px solid #b45309; }
.faint { color: var(--faint); font-size: .9em; }
.counts { display: flex; flex-wrap: wrap; gap: .75rem; margin: 1rem 0; padding: 0;
  list-style: none; }
.counts li { padding: .5rem .9rem; background: var(--head); border-radius: .4rem; }
.counts b { display: block; font-size: 1.5rem; font-variant-numeric: tabular-nums; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1.25rem; margin: .6rem 0; }
dt { color: var(--faint); }
dd { margin: 0; overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9em; }
th, td { text-align: left; vertical-align: top; padding: .3rem .55rem;
  border-bottom: 1px solid var(--line); overflow-wrap: break-word; }
th { background: var(--head); font-weight: 600; overflow-wrap: normal; }
.number { text-align: right; font-variant-numeric: tabular-nums; overflow-wrap: normal; }
td.number { white-space: nowrap; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(20rem, 1fr));
  gap: 1.2rem 1.5rem; align-items: start; }
.charts h3 { margin: 0 0 .1rem; }
.chart { break-inside: avoid; }
.chart p { margin: .1rem 0 0; font-size: .87em; color: var(--faint); }
svg { display: block; width: 100%; height: auto; max-width: 34rem; }
svg text { font-size: 11px; fill: var(--faint); font-variant-numeric: tabular-nums; }
svg .name { fill: var(--ink); }
svg .far { fill: var(--middle); }
svg .bar { fill: var(--bar); }
svg .band { fill: var(--band); }
svg .middle { stroke: var(--middle); stroke-width: 2; }
svg .axis, svg .reach { stroke: var(--faint); stroke-width: 1; }
.outliers { display: grid; grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr));
  gap: 1.2rem; align-items: start; }
figure { margin: 0; break-inside: avoid; }
figure img { display: block; width: 100%; height: auto; background: #000; }
figcaption { margin-top: .3rem; font-size: .87em; overflow-wrap: anywhere; }
figcaption b { font-size: 1.05em; }
figcaption ul { margin: .2rem 0; padding-left: 1.1rem; }
.keys { list-style: none; display: flex; flex-wrap: wrap; gap: .3rem 1.25rem; padding: 0; }
.keys span { display: inline-block; width: 1.1em; height: .8em; margin-right: .4em; }
details { margin: .3rem 0; }
summary { cursor: pointer; color: var(--faint); }
@page { size: A4; margin: 14mm; }
@media print {
  :root { color-scheme: light; --ink: #000; --faint: #444; --line: #bbb; --ground: #fff;
    --head: #eee; --bar: #6f94b8; --band: #e4edf5; --middle: #b3541e; }
  body { margin: 0; padding: 0; max-width: none; font-size: 9.5pt; }
  nav { display: none; }
  h2, h3 { break-after: avoid; }
  thead { display: table-header-group; }
  tr { break-inside: avoid; }
  .wide { overflow: visible; }
  .charts { grid-template-columns: repeat(3, 1fr); }
  .outliers { grid-template-columns: repeat(3, 1fr); }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
"""
