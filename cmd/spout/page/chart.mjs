// One chart of the Live page: what is drawn by uPlot (uPlot.iife.min.js), with its title and its latest value above.

const [shortest, longest] = [60, 300]; // s
const height = 132;
export const countSteps = [1, 10, 100, 1000, 10_000, 100_000].flatMap((n) => [n, 2 * n, 5 * n]);
export const byteSteps = Array.from({ length: 30 }, (_, i) => 1024 * 2 ** i);
const colours = ["--accent", "--sent"];

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

export class Chart {
  #plot;
  #now;
  #series;
  #format;
  #data = [];
  #at = null; // the index of the sample that the pointer is at

  // title says what it shows, and hint of what; series are { key, label }, of samples; format makes a value readable; incrs
  // are the steps that an axis may have.
  constructor({ title, hint, series, format, incrs }) {
    this.#series = series;
    this.#format = format;
    this.figure = document.createElement("figure");
    this.figure.dataset.series = series.map((s) => s.key).join(" ");
    const caption = document.createElement("figcaption");
    const name = document.createElement("span");
    name.className = "title";
    name.textContent = title;
    name.title = hint;
    this.#now = document.createElement("span");
    this.#now.className = "now";
    caption.append(name, this.#now);
    const place = document.createElement("div");
    place.className = "plot";
    place.setAttribute("aria-hidden", "true"); // what it shows now is in the caption
    this.figure.append(caption, place);

    const axis = { stroke: () => colour("--muted"), font: "11px system-ui, sans-serif", ticks: { show: false }, grid: { stroke: () => colour("--line"), width: 1 } };
    this.#plot = new uPlot({
      width: 300,
      height,
      padding: [8, 30, 0, 0],
      legend: { show: false },
      cursor: { y: false, points: { show: false }, drag: { setScale: false, x: false }, sync: { key: "live" } },
      scales: {
        x: { range: (u, min, max) => [max - Math.min(longest, Math.max(shortest, max - min)), max] },
        y: { range: (_, __, max) => [0, Math.max(max * 1.15, incrs ? 4 * incrs[0] : 0.001)] },
      },
      axes: [
        { ...axis, size: 22, space: 60, values: (u, times) => times.map((t) => new Date(t * 1000).toTimeString().slice(0, 8)), incrs: [15, 30, 60, 120] },
        { ...axis, size: 58, space: 28, values: (u, values) => values.map((v) => v === 0 ? "0" : format(v)), ...(incrs && { incrs }) },
      ],
      series: [{}, ...series.map((s, i) => ({
        stroke: () => colour(colours[i]),
        fill: series.length === 1 ? () => colour(colours[i]) + "22" : undefined,
        width: 1.5,
        points: { show: false },
      }))],
      hooks: {
        setCursor: [(u) => {
          this.#at = u.cursor.idx ?? null;
          this.#caption();
        }],
      },
    }, this.#columns(), place);
    new ResizeObserver(() => this.#plot.setSize({ width: place.clientWidth, height })).observe(place);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#plot.redraw());
  }

  // draw shows samples, oldest first.
  draw(samples) {
    this.#data = samples;
    this.#plot.setData(this.#columns());
    this.#caption();
  }

  #columns() {
    return [this.#data.map((s) => s.at / 1000), ...this.#series.map(({ key }) => this.#data.map((s) => s[key] ?? null))];
  }

  #caption() {
    const sample = this.#data[this.#at ?? -1] ?? this.#data.at(-1);
    this.#now.replaceChildren(...this.#series.map(({ key, label }, i) => {
      const part = document.createElement("span");
      part.dataset.key = key;
      part.dataset.colour = i;
      const value = sample?.[key] === undefined ? "–" : this.#format(sample[key]);
      part.textContent = label === undefined ? value : `${label} ${value}`;
      return part;
    }));
  }
}
