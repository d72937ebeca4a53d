const data = JSON.parse(document.querySelector("#data").textContent);

const hasServer = data.timeline.some(({ server }) => server);

/** Charts over time: the title with its unit, and how to read each series from a point. */
const OVER_TIME = [
  { title: "Messages sent", unit: "per second", series: { sent: (point) => point.sentPerSecond } },
  {
    title: "Deliveries",
    unit: "per second",
    series: { delivered: (point) => point.deliveriesPerSecond },
  },
  {
    title: "Latency",
    unit: "ms",
    series: { p50: (point) => point.p50, p99: (point) => point.p99 },
  },
  {
    title: "Missing messages so far",
    unit: "messages",
    isCount: true,
    series: { missing: (point) => point.missing },
  },
  {
    title: "Open connections",
    unit: "users",
    isCount: true,
    series: { open: (point) => point.connections },
  },
  {
    title: hasServer ? "CPU of client and server" : "CPU of the client",
    unit: "cores",
    series: { client: (point) => point.busyCores, server: (point) => point.server?.cpuCores },
  },
  {
    title: "Memory of the server",
    unit: "MB",
    series: {
      memory: (point) => point.server?.memoryBytes && point.server.memoryBytes / 1_000_000,
    },
  },
  {
    title: "Event loop lag of the server",
    unit: "ms",
    series: { lag: (point) => point.server?.lagMs },
  },
];

/** Percentiles with a label. They have equal distances from 90 on. */
const LABELED = [50, 90, 99, 99.9, 99.99, 99.999, 99.9999];
const power = (percent) => -Math.log10(1 - percent / 100);

const number = new Intl.NumberFormat("en", { maximumFractionDigits: 2 });
const format = (value) => value === null || value === undefined ? "–" : number.format(value);

/** Steps of an axis: 1, 2, or 5 with zeros. */
const STEPS = Array.from({ length: 13 }, (_, at) => 10 ** (at - 3))
  .flatMap((unit) => [unit, 2 * unit, 5 * unit]);

function timeCharts() {
  const seconds = data.timeline.map((point) => point.seconds);
  return OVER_TIME.map((chart) => {
    const series = Object.entries(chart.series)
      .map(([name, read]) => ({ name, values: data.timeline.map((point) => read(point) ?? null) }))
      // A line of zeros would say nothing.
      .filter(({ values }) => values.some((value) => value > 0));
    return {
      ...chart,
      series,
      x: seconds,
      xTitle: "seconds",
      xText: (value) => `${number.format(value)} s`,
      bands: data.phases,
    };
  });
}

function percentileChart() {
  const { distribution } = data;
  const valuesOf = (key) => distribution.map((point) => point[key]);
  return {
    title: "Latency by percentile",
    unit: "ms",
    series: distribution.length === 0 ? [] : [
      { name: "since due", values: valuesOf("delivery") },
      { name: "since sending", values: valuesOf("raw") },
    ],
    x: distribution.map(({ percent }) => power(percent)),
    xTitle: "percentile",
    xText: (value) => `p${Number((100 - 100 / 10 ** value).toPrecision(6))}`,
    xSplits: (max) => LABELED.map(power).filter((split) => split <= max + 0.01),
    xLabel: (value) => `${LABELED.find((each) => Math.abs(power(each) - value) < 0.001)}`,
    bands: [],
  };
}

function colorOf(name) {
  // A canvas supports neither CSS variables nor light-dark().
  const probe = document.createElement("i");
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

/** Shades phases, draws a line where each begins, and names those that have room for it. */
function drawBands(plot, bands) {
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio;
  ctx.save();
  ctx.font = `${11 * ratio}px system-ui, sans-serif`;
  ctx.textAlign = "center";
  ctx.textBaseline = "bottom";
  bands.forEach(({ name, from, to, isShaded }) => {
    const [left, right] = [from, to].map((seconds) =>
      Math.min(bbox.left + bbox.width, Math.max(bbox.left, plot.valToPos(seconds, "x", true)))
    );
    if (isShaded) {
      ctx.fillStyle = colorOf("band");
      ctx.fillRect(left, bbox.top, right - left, bbox.height);
    }
    ctx.fillStyle = colorOf("line");
    ctx.fillRect(left, bbox.top, ratio, bbox.height);
    if (ctx.measureText(name).width + 6 * ratio > right - left) return;
    ctx.fillStyle = colorOf("quiet");
    ctx.fillText(name, (left + right) / 2, bbox.top - 3 * ratio);
  });
  ctx.restore();
}

function draw(figure, chart, { width, height, fontPx }) {
  const { series, x, unit, isCount, xTitle, xText, xSplits, xLabel, bands } = chart;
  const [stroke, line] = [colorOf("quiet"), colorOf("line")];
  const axis = { stroke, grid: { stroke: line, width: 1 }, ticks: { show: false }, labelGap: 0 };
  const font = `${fontPx}px system-ui, sans-serif`;
  const xMax = x.at(-1);
  const colors = ["first", "second"].map(colorOf);
  const plot = new uPlot(
    {
      width,
      height,
      padding: [bands.length > 0 ? 18 : 8, 12, 0, 0],
      cursor: { y: false },
      scales: {
        x: { time: false, range: [0, xMax] },
        y: { range: (_plot, _min, max) => [0, max > 0 ? max * 1.2 : 1] },
      },
      axes: [
        {
          ...axis,
          font,
          labelFont: font,
          label: xTitle,
          labelSize: 18,
          size: 26,
          space: 48,
          incrs: STEPS,
          ...xSplits && {
            splits: () => xSplits(xMax),
            values: (plot, splits) => {
              // Labels that would touch each other lack every second one.
              const step = plot.bbox.width / devicePixelRatio / xMax < 46 ? 2 : 1;
              return splits.map((split, at) => (at + step - 1) % step === 0 ? xLabel(split) : "");
            },
          },
        },
        {
          ...axis,
          font,
          labelFont: font,
          label: unit,
          labelSize: 20,
          incrs: isCount ? STEPS.filter((step) => step >= 1) : STEPS,
          values: (_plot, splits) => splits.map(format),
          size: (_plot, labels) =>
            14 + 7 * Math.max(1, ...(labels ?? []).map((label) => label.length)),
        },
      ],
      series: [
        { label: xTitle, value: (_plot, value) => value === null ? "–" : xText(value) },
        ...series.map(({ name }, at) => ({
          label: name,
          stroke: colors[at],
          width: 2,
          value: (_plot, value) => format(value),
        })),
      ],
      hooks: { drawClear: [(plot) => drawBands(plot, bands)] },
    },
    [x, ...series.map(({ values }) => values)],
    figure,
  );
  const values = series.flatMap(({ values }) => values).filter((value) => value !== null);
  plot.root.setAttribute("role", "img");
  plot.root.setAttribute(
    "aria-label",
    `${chart.title}, ${unit}: from ${format(Math.min(...values))} to ${
      format(Math.max(...values))
    }`,
  );
  return plot;
}

function addFigure(parent, chart) {
  const figure = document.createElement("figure");
  figure.classList.toggle("single", chart.series.length === 1);
  const caption = document.createElement("figcaption");
  caption.textContent = chart.title;
  figure.append(caption);
  document.querySelector(parent).append(figure);
  return { figure, chart, plot: undefined };
}

const drawn = [
  ...timeCharts().map((chart) => ["#over-time", chart]),
  ["#by-percentile", percentileChart()],
].filter(([, { series }]) => series.length > 0).map(([parent, chart]) => addFigure(parent, chart));

/** Draws all charts, as wide as their figures or, on paper, as one or two on a line of A4. */
function drawAll({ isPrint = false } = {}) {
  for (const each of drawn) {
    each.plot?.destroy();
    const isWide = each.figure.parentElement.id === "by-percentile";
    const size = isPrint
      ? { width: isWide ? 664 : 312, height: 165, fontPx: 10 }
      : { width: each.figure.clientWidth - 24, height: 210, fontPx: 12 };
    each.plot = draw(each.figure, each.chart, size);
  }
}

drawAll();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawAll());
let width = innerWidth;
addEventListener("resize", () => {
  if (innerWidth === width) return;
  width = innerWidth;
  drawAll();
});
addEventListener("beforeprint", () => {
  document.documentElement.style.colorScheme = "light";
  drawAll({ isPrint: true });
});
addEventListener("afterprint", () => {
  document.documentElement.style.colorScheme = "";
  drawAll();
});
