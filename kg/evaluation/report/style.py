"""How a report looks: on a screen of any width, light or dark, and on paper."""

STYLE = (
    """
:root {
  --paper: #f6f7f9; --card: #ffffff; --ink: #1b2330; --soft: #5b6575; --line: #e2e6ec; --track: #eef1f5;
  --accent: #3b6ed7; --warn: #fff6e0; --warn-ink: #7a5200;
  --c0: #3b6ed7; --c1: #cf5604; --c2: #2a9d66; --c3: #72339f; --c4: #b8930c; --c5: #2e9bc9; --c6: #a6204c;
  --c7: #5e875a;
  color-scheme: light dark;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #0e1116; --card: #171b22; --ink: #e6eaf0; --soft: #9aa5b5; --line: #2a313c; --track: #222934;
    --accent: #7ea4f5; --warn: #2e2611; --warn-ink: #f0cf83;
    --c0: #7ea4f5; --c1: #f08a45; --c2: #58cc97; --c3: #b98be0; --c4: #e0c04a; --c5: #6cc5ee; --c6: #e96a93;
    --c7: #9cc198;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--paper); color: var(--ink); line-height: 1.5;
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
main { max-width: 1060px; margin: 0 auto; padding: 28px 20px 60px; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 4px; letter-spacing: -0.01em; }
h2 { font-size: 1.15rem; margin: 40px 0 12px; }
h3 { font-size: 0.95rem; margin: 0 0 10px; font-weight: 600; }
p { margin: 0 0 10px; }
.soft, .about { color: var(--soft); }
.about { max-width: 70ch; }
.card {
  background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 16px 18px;
  min-width: 0;
}
.grid { display: grid; gap: 14px; grid-template-columns: repeat(auto-fill, minmax(min(100%, 380px), 1fr)); }
.grid + .card { margin-top: 14px; }
.tiles { display: grid; gap: 12px; margin: 22px 0 0; }
.tiles { grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); }
.tile b { display: block; font-size: 1.7rem; line-height: 1.25; letter-spacing: -0.02em; }
.tile b small { font-size: 0.55em; font-weight: 500; color: var(--soft); margin-left: 3px; }
.tile span { color: var(--soft); font-size: 0.83rem; display: block; }
.tile .name { color: var(--ink); font-weight: 600; }
.notes { margin: 18px 0 0; padding: 12px 16px 12px 34px; background: var(--warn); color: var(--warn-ink);
  border-radius: 10px; font-size: 0.9rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 0.88rem; font-variant-numeric: tabular-nums; }
th { text-align: left; color: var(--soft); font-weight: 500; white-space: nowrap; }
th, td { padding: 6px 14px 6px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
tr:last-child td { border-bottom: 0; }
td.number, th.number { text-align: right; white-space: nowrap; }
td.first { font-weight: 600; white-space: nowrap; }
code { font: 0.86rem/1.45 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
figure { margin: 0; }
img { max-width: 100%; height: auto; display: block; margin: 0 auto; }
svg { width: 100%; max-width: 560px; height: auto; display: block; margin: 0 auto; }
svg text { font-size: 12px; fill: var(--soft); font-family: inherit; }
svg text.strong { fill: var(--ink); font-weight: 600; }
svg .rule { stroke: var(--line); fill: none; }
svg .axis { stroke: var(--soft); fill: none; opacity: 0.6; }
svg .track { fill: var(--track); }
svg .tick { stroke: var(--c0); stroke-width: 2; opacity: 0.55; }
svg .median { stroke: var(--c1); stroke-width: 2.5; }
svg .line { fill: none; stroke-width: 2.2; stroke-linejoin: round; stroke-linecap: round; }
.axis-label { color: var(--soft); font-size: 0.8rem; margin: 0 0 2px; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 16px; margin-top: 6px; }
.legend { font-size: 0.82rem; color: var(--soft); }
.caption { margin: 8px 0 0; font-size: 0.85rem; }
.key { display: inline-block; width: 14px; height: 3px; border-radius: 2px; margin-right: 6px;
  vertical-align: middle; }
.changed td { color: var(--accent); font-weight: 600; }
details { margin-top: 12px; }
details summary { cursor: pointer; color: var(--accent); font-size: 0.9rem; }
details > :not(summary) { margin-top: 10px; }
"""
    + "\n".join(
        f"svg .c{number}.line {{ stroke: var(--c{number}); }} "
        f"svg .c{number}.dot {{ fill: var(--c{number}); }} "
        f".key.c{number} {{ background: var(--c{number}); }}"
        for number in range(8)
    )
    + """
@media (max-width: 560px) {
  main { padding: 18px 12px 40px; }
  .card { padding: 13px 13px; }
  .tiles { grid-template-columns: repeat(2, 1fr); }
}
@media print {
  :root { --paper: #fff; --card: #fff; --ink: #000; --soft: #444; --line: #ccc; --track: #eee; --warn: #fff;
    --warn-ink: #000; --accent: #1b4aa8; --c0: #3b6ed7; --c1: #cf5604; --c2: #2a9d66; --c3: #72339f;
    --c4: #b8930c; --c5: #2e9bc9; --c6: #a6204c; --c7: #5e875a; color-scheme: light; }
  @page { margin: 14mm; }
  main { max-width: none; padding: 0; }
  .card, .tile, figure, tr { break-inside: avoid; }
  .card:has(table) { break-inside: auto; }
  h2, .about { break-after: avoid; }
  table { font-size: 0.8rem; }
  th, td { padding-right: 9px; }
  .grid { grid-template-columns: 1fr 1fr; }
  .notes { border: 1px solid #ccc; }
  details { display: none; }
}
"""
)
