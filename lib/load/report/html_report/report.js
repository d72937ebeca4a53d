const data = JSON.parse(document.querySelector("#data").textContent);

function add(parent, name, text = "") {
  const element = document.createElement(name);
  element.textContent = text;
  parent.append(element);
  return element;
}

const [verdict, ...remarks] = data.verdict;
document.querySelector("#verdict").textContent = verdict;
document.querySelector("#verdict").classList.toggle("good", data.isGood);
document.querySelector("#facts").textContent = data.facts;
document.querySelector("#report").textContent = data.report;
for (const remark of remarks) add(document.querySelector("#remarks"), "li", remark.trim());
for (const [name, value] of data.figures) {
  const figure = add(document.querySelector("#figures"), "div");
  add(figure, "dt", name);
  add(figure, "dd", value);
}

const color = (name) => {
  // A canvas supports neither CSS variables nor light-dark().
  const probe = add(document.body, "i");
  probe.style.color = `var(--${name})`;
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
};

const seconds = data.timeline.map((point) => point.seconds);
const over = (...keys) => [seconds, ...keys.map((key) => data.timeline.map((point) => point[key]))];

const CHARTS = [
  { title: "Messages per second", series: ["sent"], values: over("sentPerSecond") },
  { title: "Deliveries per second", series: ["delivered"], values: over("deliveriesPerSecond") },
  { title: "Latency, ms", series: ["p50", "p99"], values: over("p50", "p99") },
  { title: "Missing messages so far", series: ["missing"], values: over("missing") },
  { title: "Open connections", series: ["open"], values: over("connections") },
  { title: "Busy cores of the client", series: ["busy"], values: over("busyCores") },
  {
    title: "Latency by percentile, ms",
    series: ["latency"],
    values: [
      data.distribution.map(({ percent }) => -Math.log10(1 - percent / 100)),
      data.distribution.map(({ ms }) => ms),
    ],
    // 90, 99, 99.9, and so on have equal distances.
    x: (power) => `${Number((100 - 100 / 10 ** power).toFixed(Math.ceil(power)))}`,
    label: "percentile",
  },
];

const number = new Intl.NumberFormat("en", { maximumFractionDigits: 2 });

function draw(figure, { series, values, x = number.format, label = "seconds" }) {
  const axis = { stroke: color("quiet"), grid: { stroke: color("line") }, ticks: { show: false } };
  const colors = [color("first"), color("second")];
  const textOf = (_chart, value) =>
    value === null || value === undefined ? "–" : number.format(value);
  return new uPlot(
    {
      width: figure.clientWidth - 24,
      height: 200,
      scales: {
        x: { time: false },
        y: { range: (_chart, _min, max) => [0, max > 0 ? max * 1.1 : 1] },
      },
      axes: [
        { ...axis, values: (_chart, splits) => splits.map(x), space: 70, size: 30 },
        { ...axis, values: (_chart, splits) => splits.map(number.format), size: 80 },
      ],
      series: [
        { label, value: (_chart, value) => value === null ? "–" : x(value) },
        ...series.map((name, at) => ({
          label: name,
          stroke: colors[at],
          width: 2,
          value: textOf,
          spanGaps: false,
        })),
      ],
    },
    values,
    figure,
  );
}

const drawn = CHARTS.map((chart) => {
  const figure = add(document.querySelector("#charts"), "figure");
  add(figure, "figcaption", chart.title);
  return { figure, chart, plot: undefined };
});
const drawAll = () => {
  for (const each of drawn) {
    each.plot?.destroy();
    each.plot = draw(each.figure, each.chart);
  }
};
drawAll();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
let width = innerWidth;
addEventListener("resize", () => {
  if (innerWidth === width) return;
  width = innerWidth;
  drawAll();
});
