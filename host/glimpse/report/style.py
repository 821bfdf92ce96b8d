# SPDX-License-Identifier: Apache-2.0
"""Style of the demo's page: light or dark as the reader's system is, no outside fonts."""

STYLE = """
:root { --paper: #fbfaf7; --ink: #1d1f22; --soft: #63676d; --line: #e2dfd7; --accent: #0b6e63; --card: #ffffff;
  --l0: #0b6e63; --l1: #2f6fb0; --l2: #b2691c; --l3: #a93a4a; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #15171a; --ink: #e9e7e2; --soft: #9a9ea5; --line: #2d3136; --accent: #5cc7b6; --card: #1c1f23;
    --l0: #5cc7b6; --l1: #7db2ea; --l2: #e2a25c; --l3: #ea8391; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2.5rem 1.5rem 4rem; max-width: 90.5rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
  font-variant-numeric: tabular-nums; }
h1 { margin: 0; font-size: 2.4rem; letter-spacing: -0.02em; line-height: 1.1; }
h2 { margin: 0; font-size: 1.35rem; letter-spacing: -0.01em; }
h3 { margin: 1.3rem 0 0.6rem; font-size: 0.95rem; font-weight: 600; }
p { margin: 0.4rem 0; }
.lead { font-size: 1.15rem; max-width: 44rem; }
.soft, footer, summary { color: var(--soft); font-size: 0.95rem; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(11.5rem, 1fr)); gap: 0.7rem;
  margin: 1.6rem 0 0.8rem; padding: 0; list-style: none; }
.cards li { padding: 0.8rem 1.1rem; background: var(--card); border: 1px solid var(--line); border-radius: 0.6rem; }
.cards strong { display: block; font-size: 1.35rem; letter-spacing: -0.01em; }
.cards span { color: var(--soft); font-size: 0.88rem; }
article { margin-top: 2.2rem; padding-top: 1.6rem; border-top: 1px solid var(--line); }
.strip { display: grid; grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); gap: 0.7rem; }
@media (min-width: 62rem) { .strip { grid-template-columns: repeat(6, minmax(0, 1fr)); } }
.chart { grid-column: span 2; }
figure { margin: 0; max-width: 100%; }
figure img { display: block; width: 100%; height: auto; border-radius: 0.35rem; }
figcaption { margin-top: 0.35rem; font-size: 0.84rem; line-height: 1.35; }
figcaption span { display: block; color: var(--accent); }
details { margin-top: 1rem; }
summary { cursor: pointer; }
table { margin-top: 0.6rem; border-collapse: collapse; font-size: 0.9rem; }
td { padding: 0.2rem 0; border-bottom: 1px solid var(--line); text-align: left; font-weight: 400;
  vertical-align: top; white-space: pre-wrap; }
td + td { padding-left: 1.8rem; text-align: right; }
footer { margin-top: 2.6rem; padding-top: 1rem; border-top: 1px solid var(--line); max-width: 60rem; }
svg { display: block; max-width: 100%; height: auto; }
svg text { fill: var(--soft); font-size: 12px; }
svg line { stroke: var(--line); }
svg polyline { fill: none; stroke-width: 2; stroke-linejoin: round; }
svg polyline.l0 { stroke: var(--l0); } svg text.l0 { fill: var(--l0); }
svg polyline.l1 { stroke: var(--l1); } svg text.l1 { fill: var(--l1); }
svg polyline.l2 { stroke: var(--l2); } svg text.l2 { fill: var(--l2); }
svg polyline.l3 { stroke: var(--l3); } svg text.l3 { fill: var(--l3); }
"""
