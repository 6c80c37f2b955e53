// SPDX-License-Identifier: Apache-2.0
// The page of a hellomark report: reads the report that stands in the page, draws and lists it.

const report = JSON.parse(document.getElementById("report").textContent);
const rows = report.commands;
const measured = rows.filter((row) => row.wall_seconds);
const recorded = rows.filter((row) => row.timeline && row.timeline.samples.seconds.length > 0);
const darkness = matchMedia("(prefers-color-scheme: dark)");
const kDots = 250; // samples of one command that are drawn
const charts = [];

const number = (value, unit) =>
  `${value.toFixed(Math.abs(value) < 9.995 ? 2 : Math.abs(value) < 99.95 ? 1 : 0)} ${unit}`;

function seconds(value) {
  const units = ["s", "ms", "µs", "ns"];
  let unit = 0;
  for (; unit < 3 && value !== 0 && Math.abs(value) < 0.9995; ++unit) value *= 1000;
  return value === 0 ? "0" : number(value, units[unit]);
}

function bytes(value) {
  const units = ["KiB", "MiB", "GiB", "TiB"];
  value /= 1024;
  let unit = 0;
  for (; unit < 3 && value >= 999.5; ++unit) value /= 1024;
  return unit === 0 ? `${Math.round(value)} KiB` : number(value, units[unit]);
}

/** Labels of an axis need no zeros to show how exact they are. */
const label = (text) => text.replace(/\.0+ /, " ");
const kMiB = 1 << 20; // axes of memory count in these, so that their steps are even

const median = (row, key) => (row[key] ? row[key].median : undefined);
const paint = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const hue = (i, alpha = 1) =>
  `hsl(${(211 + i * 137.5) % 360} 60% ${darkness.matches ? 62 : 45}% / ${alpha})`;

function element(tag, text, parent) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (parent) parent.append(made);
  return made;
}

/** A titled place for a plot, `height` pixels high. */
function place(id, title, hint, height) {
  const section = element("section", undefined, document.getElementById("plots"));
  element("h2", title, section);
  element("p", hint, section).className = "hint";
  const buttons = element("div", undefined, section);
  buttons.className = "buttons";
  const frame = element("div", undefined, section);
  frame.className = "plot";
  frame.style.height = `${height}px`;
  const canvas = element("canvas", undefined, frame);
  canvas.id = id;
  return { canvas, buttons };
}

/** Buttons of which one is pressed; `choose` is told which. */
function choices(parent, names, choose) {
  const buttons = names.map((name, i) => {
    const button = element("button", name, parent);
    button.setAttribute("aria-pressed", i === 0);
    button.onclick = () => {
      for (const other of buttons) other.setAttribute("aria-pressed", other === button);
      choose(i);
    };
    return button;
  });
}

function draw(canvas, config) {
  Chart.defaults.color = paint("--faint");
  Chart.defaults.borderColor = paint("--line");
  config.options = { responsive: true, maintainAspectRatio: false, animation: false, ...config.options };
  charts.push(new Chart(canvas, config));
  return charts.at(-1);
}

/** Every step-th of `samples`, so that at most `most` are left. */
function thinned(samples, most) {
  const step = Math.ceil(samples.length / most);
  return samples.filter((_, i) => i % step === 0);
}

/** Boxes from quartile to quartile, and bars for the interval of the median, behind the dots. */
const boxes = {
  id: "boxes",
  beforeDatasetsDraw(chart, _, { shown }) {
    const { ctx, scales: { x, y } } = chart;
    shown.forEach(({ row, place: at, colour }) => {
      const wall = row.wall_seconds;
      const span = (low, high, thickness, fill) => {
        const left = x.getPixelForValue(low);
        ctx.fillStyle = fill;
        ctx.fillRect(left, y.getPixelForValue(at) - thickness / 2,
          Math.max(x.getPixelForValue(high) - left, 1.5), thickness);
      };
      ctx.save();
      span(wall.q1, wall.q3, 18, colour.replace("/ 1)", "/ .22)"));
      span(wall.low, wall.high, 18, colour.replace("/ 1)", "/ .8)"));
      ctx.restore();
    });
  },
};

function drawStarts() {
  const sorted = measured.toSorted((a, b) => a.wall_seconds.median - b.wall_seconds.median);
  const { canvas } = place("starts", "Time of each run",
    "Each dot is a run; the box holds the middle half, the dark bar the 95 % interval of the median.",
    90 + 30 * sorted.length);
  const shown = sorted.map((row, i) => ({ row, place: i, colour: hue(i) }));
  const jitter = (i) => ((i * 0.618034) % 1 - 0.5) * 0.5;
  const dots = shown.map(({ row, place: at, colour }) => ({
    label: row.name,
    data: thinned(row.samples.wall_seconds, kDots).map((x, i) => ({ x, y: at + jitter(i) })),
    backgroundColor: colour.replace("/ 1)", "/ .35)"),
    pointRadius: 2,
  }));
  const medians = {
    label: "median",
    data: shown.map(({ row, place: at }) => ({ x: row.wall_seconds.median, y: at })),
    backgroundColor: shown.map(({ colour }) => colour),
    borderColor: paint("--ink"),
    pointRadius: 5,
    pointHoverRadius: 7,
  };
  draw(canvas, {
    type: "scatter",
    data: { datasets: [medians, ...dots] },
    plugins: [boxes],
    options: {
      plugins: {
        legend: { display: false },
        boxes: { shown },
        tooltip: {
          filter: (item) => item.datasetIndex === 0,
          callbacks: {
            label: ({ dataIndex }) => {
              const { name, wall_seconds: wall } = shown[dataIndex].row;
              return `${name}: ${seconds(wall.median)}, 95 % interval ${seconds(wall.low)} to ${seconds(wall.high)}`;
            },
          },
        },
      },
      scales: {
        x: { type: "logarithmic", ticks: { callback: (value) => (/^[125]/.test(value.toExponential()) ? label(seconds(value)) : "") } },
        y: {
          reverse: true, min: -0.6, max: sorted.length - 0.4, grid: { display: false },
          afterBuildTicks: (axis) => { axis.ticks = shown.map(({ place: value }) => ({ value })); },
          ticks: { autoSkip: false, callback: (value) => shown[value]?.row.name.slice(0, 40) },
        },
      },
    },
  });
}

/** Horizontal bars, a part of the stack for each of `parts`: [label, row => value]. */
function drawBars(id, title, hint, list, parts, format) {
  const { canvas, buttons } = place(id, title, hint, 90 + 26 * list.length);
  const chart = draw(canvas, {
    type: "bar",
    data: {
      labels: list.map((row) => row.name.slice(0, 40)),
      datasets: parts.map(([label, value], i) => ({ label, data: list.map(value), backgroundColor: hue(i) })),
    },
    options: {
      indexAxis: "y",
      plugins: {
        legend: { display: parts.length > 1 },
        tooltip: { callbacks: { label: ({ dataset, raw }) => `${dataset.label}: ${format(raw)}` } },
      },
      scales: {
        x: { stacked: true, ticks: { callback: (value) => label(format(value)) } },
        y: { stacked: true, ticks: { autoSkip: false }, grid: { display: false } },
      },
    },
  });
  choices(buttons, ["linear", "logarithmic"], (which) => {
    chart.options.scales.x.type = ["linear", "logarithmic"][which];
    chart.update();
  });
}

const kCurves = [
  ["resident", "resident_bytes"],
  ["proportional (PSS)", "proportional_bytes"],
  ["private (USS)", "private_bytes"],
  ["swap", "swap_bytes"],
  ["CPU time", "cpu_seconds"],
];

function drawTimelines(title, list, id) {
  const { canvas, buttons } = place(id, title,
    "A click on a name hides or shows it. Times are from the start of each command.", 420);
  const curves = (key) => list.map((row, i) => {
    const samples = row.timeline.samples;
    const points = samples.seconds.map((x, at) => ({ x, y: samples[key][at] }))
      .filter(({ y }) => y !== null)
      .map(({ x, y }) => ({ x, y: key.endsWith("_bytes") ? y / kMiB : y }));
    return {
      label: row.name, borderColor: hue(i), backgroundColor: hue(i), borderWidth: 1.5, pointRadius: 0,
      data: points,
    };
  });
  let shown = kCurves[0][1];
  const format = (value) => (shown.endsWith("_bytes") ? bytes(value * kMiB) : seconds(value));
  const chart = draw(canvas, {
    type: "line",
    data: { datasets: curves(shown) },
    options: {
      parsing: false,
      normalized: true,
      interaction: { mode: "nearest", axis: "x", intersect: false },
      plugins: {
        decimation: { enabled: true, algorithm: "min-max" },
        tooltip: {
          callbacks: {
            title: (items) => (items.length ? seconds(items[0].parsed.x) : ""),
            label: ({ dataset, parsed }) => `${dataset.label}: ${format(parsed.y)}`,
          },
        },
      },
      scales: {
        x: { type: "linear", min: 0, ticks: { callback: (value) => label(seconds(value)) } },
        y: { min: 0, ticks: { callback: (value) => label(format(value)) } },
      },
    },
  });
  choices(buttons, kCurves.map(([name]) => name), (which) => {
    const hidden = chart.data.datasets.map((_, i) => !chart.isDatasetVisible(i));
    shown = kCurves[which][1];
    chart.data.datasets = curves(shown);
    hidden.forEach((is, i) => chart.setDatasetVisibility(i, !is));
    chart.update();
  });
}

/** Timelines by what stands before ": " in their names, which is the pattern in `alloc`. */
function drawAllTimelines() {
  const groups = new Map();
  for (const row of recorded) {
    const group = report.kind === "alloc" ? row.name.split(": ")[0] : "";
    groups.set(group, [...(groups.get(group) ?? []), row]);
  }
  let nth = 0;
  for (const [group, list] of groups)
    drawTimelines(`Memory over time${group ? `: ${group}` : ""}`, list, `timeline-${nth++}`);
}

function drawAll() {
  for (const chart of charts.splice(0)) chart.destroy();
  document.getElementById("plots").replaceChildren();
  if (measured.length > 0) {
    drawStarts();
    const sorted = measured.toSorted((a, b) => a.wall_seconds.median - b.wall_seconds.median);
    drawBars("phases", "Where the time goes",
      "Until the new program is in; until its first byte of output; until its exit. Medians.", sorted, [
        ["exec", (row) => median(row, "exec_seconds")],
        ["first byte", (row) => median(row, "first_byte_seconds") ?? 0],
        ["to exit", (row) => median(row, "rest_seconds")],
      ], seconds);
  }
  if (recorded.length > 0) drawAllTimelines();
  const peaks = rows.filter((row) => row.peak_memory_bytes)
    .toSorted((a, b) => median(a, "peak_memory_bytes") - median(b, "peak_memory_bytes"));
  if (peaks.length > 0)
    drawBars("peaks", "Peak memory", "Of the whole tree of processes.", peaks,
      [["peak", (row) => median(row, "peak_memory_bytes") / kMiB]], (value) => bytes(value * kMiB));
}

const kColumns = [
  ["command", (row) => row.name, (name) => name],
  ["20 runs", (row) => row.twenty_starts?.elapsed_seconds, seconds],
  ["per second", (row) => row.twenty_starts?.starts_per_second, (value) => value.toFixed(0)],
  ["median", (row) => median(row, "wall_seconds"), seconds],
  ["low", (row) => row.wall_seconds?.low, seconds],
  ["high", (row) => row.wall_seconds?.high, seconds],
  ["first run", (row) => row.first_run_wall_seconds, seconds],
  ["exec", (row) => median(row, "exec_seconds"), seconds],
  ["first byte", (row) => median(row, "first_byte_seconds"), seconds],
  ["to exit", (row) => median(row, "rest_seconds"), seconds],
  ["wall", (row) => (row.timeline ? row.traced_wall_seconds : undefined), seconds],
  ["user", (row) => row.user_seconds?.mean, seconds],
  ["system", (row) => row.system_seconds?.mean, seconds],
  ["peak", (row) => median(row, "peak_memory_bytes"), bytes],
  ["largest process", (row) => row.largest_process_bytes, bytes],
  ["processes", (row) => row.processes, (value) => value],
  ["faults", (row) => median(row, "page_faults"), (value) => value],
  ["switches", (row) => median(row, "context_switches"), (value) => value],
  ["runs", (row) => (row.wall_seconds ? row.runs : undefined), (value) => value],
  ["outliers", (row) => row.wall_seconds?.outliers, (value) => value],
  ["remarks", (row) => [row.trouble, row.note].filter(Boolean).join("; ") || undefined, (text) => text],
];

function listFigures() {
  const table = document.getElementById("figures");
  const columns = kColumns.filter(([, value]) => rows.some((row) => value(row) !== undefined));
  const head = element("tr", undefined, element("thead", undefined, table));
  const body = element("tbody", undefined, table);
  const fill = (list) => body.replaceChildren(...list.map((row) => {
    const line = element("tr");
    if (row.floor) line.className = "floor";
    for (const [, value, format] of columns) {
      const found = value(row);
      element("td", found === undefined ? "" : format(found), line);
    }
    return line;
  }));
  for (const [title, value] of columns)
    element("th", title, head).onclick = () => fill(rows.toSorted((a, b) => {
      const [x, y] = [value(a) ?? Infinity, value(b) ?? Infinity];
      return x < y ? -1 : x > y ? 1 : 0;
    }));
  fill(rows);
}

function tell() {
  const kinds = { run: "Commands compared", memory: "Memory over time", hello: "The HelloMark", alloc: "Three ways to allocate" };
  document.title = `hellomark: ${kinds[report.kind] ?? report.kind}`;
  document.getElementById("title").textContent = kinds[report.kind] ?? report.kind;
  document.getElementById("summary").textContent =
    `${rows.length} commands, measured ${report.machine.time} in ${report.elapsed_seconds.toFixed(0)} s by hellomark ${report.hellomark}`;
  for (const { sentence } of report.comparisons) element("li", sentence, document.getElementById("differences"));
  for (const note of report.notes) element("li", note, document.getElementById("notes"));
  if (report.interrupted) element("li", "interrupted; this is what was measured until then", document.getElementById("notes"));
  for (const [key, value] of Object.entries(report.machine)) {
    if (value === "" || (value === 0 && key.endsWith("_bytes"))) continue;
    element("dt", key.replace(/_bytes$/, "").replaceAll("_", " "), document.getElementById("machine"));
    element("dd", key.endsWith("_bytes") ? bytes(value) : value, document.getElementById("machine"));
  }
  document.getElementById("repeat").textContent = report.command_line;
}

tell();
listFigures();
drawAll();
darkness.addEventListener("change", drawAll);
addEventListener("beforeprint", () => charts.forEach((chart) => chart.resize()));
