#include "tools/report/style.hpp"

namespace dynavg::report {

namespace {

constexpr std::string_view kPageStyle = R"css(
:root {
  color-scheme: light dark;
  --page: #fff; --text: #1b1f24; --faint: #57606a; --rule: #d8dee4; --band: #f6f8fa;
  --warn: #9a3412;
  --c0: #0072b2; --c1: #d55e00; --c2: #009e73; --c3: #b8568f; --c4: #b87d00; --c5: #3b8fc4;
  --c6: #1b1f24;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14181d; --text: #e6edf3; --faint: #9da7b3; --rule: #363d46; --band: #1c2229;
    --warn: #fdba74;
    --c0: #4aa8e0; --c1: #f28a3c; --c2: #2fc79b; --c3: #e29ac4; --c4: #e8b23a; --c5: #8fd0f5;
    --c6: #e6edf3;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 1.5rem; max-width: 100rem; background: var(--page);
  color: var(--text); font: 15px/1.5 system-ui, sans-serif;
}
h1 { font-size: 1.5rem; margin: 0 0 .25rem; }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
p { margin: .4rem 0; max-width: 60rem; }
.note { color: var(--faint); }
.problems { color: var(--warn); overflow-wrap: anywhere; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .4rem; border-bottom: 1px solid var(--rule); white-space: nowrap; }
th { text-align: left; vertical-align: bottom; background: var(--band); white-space: normal; }
td.n, th.n { text-align: right; }
td { vertical-align: top; }
td small { display: block; color: var(--faint); }
.charts { display: grid; gap: 1.5rem; }
.charts { grid-template-columns: repeat(auto-fit, minmax(min(100%, 34rem), 1fr)); }
.charts.many { grid-template-columns: repeat(auto-fill, minmax(min(100%, 24rem), 1fr)); }
figure { margin: 0; break-inside: avoid; min-width: 0; }
figcaption { font-weight: 600; overflow-wrap: anywhere; }
figure > svg { display: block; width: 100%; height: auto; }
.legend { list-style: none; margin: .2rem 0; padding: 0; font-size: .85rem; }
.legend { display: flex; flex-wrap: wrap; gap: 0 1rem; }
.legend svg { width: 30px; height: 12px; margin-right: .3rem; }
svg text { fill: var(--faint); font: 12px system-ui, sans-serif; }
svg .labels text { fill: var(--text); font-size: 13px; }
.grid path { fill: none; stroke: var(--rule); stroke-width: 1; }
.grid .frame { stroke: var(--faint); }
.line { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
.markers { stroke: var(--page); stroke-width: .6; }
.markers > :hover { stroke: var(--text); stroke-width: 2; }
.c0 { --c: var(--c0); } .c1 { --c: var(--c1); } .c2 { --c: var(--c2); } .c3 { --c: var(--c3); }
.c4 { --c: var(--c4); } .c5 { --c: var(--c5); } .c6 { --c: var(--c6); }
.line { stroke: var(--c); }
.markers { fill: var(--c); }
.line.d1 { stroke-dasharray: 7 4; }
.line.d2 { stroke-dasharray: 2 3; }
.line.d3 { stroke-dasharray: 9 3 2 3; }
details { margin: .5rem 0; }
summary { cursor: pointer; }
@media print {
  :root {
    color-scheme: light;
    --page: #fff; --text: #000; --faint: #444; --rule: #ccc; --band: #f2f2f2; --warn: #7c2d12;
    --c0: #0072b2; --c1: #d55e00; --c2: #009e73; --c3: #b8568f; --c4: #b87d00; --c5: #3b8fc4;
    --c6: #000;
  }
  body { padding: 0; font-size: 10px; max-width: none; }
  .charts { grid-template-columns: 1fr 1fr; gap: .8rem; }
  .scroll { overflow: visible; }
  th, td { padding: .15rem .3rem; }
  h2 { break-after: avoid; }
}
)css";

}  // namespace

std::string_view page_style() {
    return kPageStyle;
}

}  // namespace dynavg::report
