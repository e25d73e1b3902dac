// Draws the charts of a report from the data beside them. All that is shown
// here stands in the tables too; without this script the page still reads.
'use strict';

(() => {
  const dark = matchMedia('(prefers-color-scheme: dark)');
  let printing = false;

  // Okabe and Ito's colours, which stay apart for colour-blind readers, with
  // lighter and darker variants; a series keeps its colour when others are
  // hidden. As many as a stack of cycles has parts: no two parts look the same.
  const COLOURS = {
    light: ['#0072b2', '#d55e00', '#009e73', '#b5589b', '#8a6d00', '#3d3d8f', '#56a5d8', '#7a3b00', '#5c6670', '#00665a',
      '#e0ac00', '#b3003c', '#84b83a', '#b4bcc4'],
    dark: ['#56b4e9', '#f0883e', '#2fc79b', '#e09bcb', '#e8cf4f', '#9d9df0', '#8fd0f5', '#c98a5a', '#aab4be', '#6fd6c9',
      '#fff0c2', '#ff6f91', '#b6e36a', '#76828e'],
  };
  // One hue from the ground up, so that lightness alone carries the order.
  const HEAT = {
    light: ['#eef4fa', '#b7d3ea', '#6ba6d2', '#2b73ad', '#0c3c69'],
    dark: ['#1b2733', '#23486b', '#3276ad', '#72b0e0', '#d3e9fb'],
  };
  const SYMBOLS = ['circle', 'rect', 'triangle', 'diamond', 'pin', 'arrow'];
  const DASHES = ['solid', 'dashed', 'dotted'];

  const scheme = () => (dark.matches && !printing ? 'dark' : 'light');
  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  // 65536 -> 64 KB.
  function bytes(value) {
    const units = ['bytes', 'KB', 'MB', 'GB', 'TB', 'PB'];
    let at = 0;
    for (; Math.abs(value) >= 1024 && at + 1 < units.length; ++at) value /= 1024;
    return `${Number(value.toPrecision(4))} ${units[at]}`;
  }

  function number(value, unit) {
    if (value === null || value === undefined) return '–';
    if (unit === 'bytes') return bytes(value);
    const size = Math.abs(value);
    const digits = Number.isInteger(value) || size >= 1e5 ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 5 };
    return value.toLocaleString('en', digits) + (unit === '%' ? ' %' : '');
  }

  // 1200000 -> 1.2M, for the ends of axes.
  function short(value) {
    for (const [letter, unit] of [['G', 1e9], ['M', 1e6], ['k', 1e3]]) {
      if (Math.abs(value) >= unit) return `${Number((value / unit).toPrecision(3))}${letter}`;
    }
    return String(Number(value.toPrecision(4)));
  }

  const ticks = (unit) => (unit === 'bytes' ? bytes : short);

  // Steps of a scale of bytes are powers of two.
  function byteSteps(values) {
    const top = Math.max(...values, 1);
    const interval = 2 ** Math.max(0, Math.ceil(Math.log2(top / 6)));
    return { interval, max: interval * Math.ceil(top / interval) };
  }

  // How far up a chart reaches: its values, or what they stack up to.
  function tops(series, stacked) {
    const sums = new Map();
    for (const s of series) for (const [x, y] of s.data) sums.set(x, stacked ? (sums.get(x) || 0) + y : Math.max(sums.get(x) || 0, y));
    return [...sums.values()];
  }

  function axis(title, more) {
    return {
      name: title, nameLocation: 'middle', nameTextStyle: { color: style('--text'), fontSize: 13 },
      axisLabel: { color: style('--quiet'), hideOverlap: true },
      axisLine: { lineStyle: { color: style('--line') } },
      splitLine: { lineStyle: { color: style('--line'), opacity: 0.6 } }, ...more,
    };
  }

  function xAxis(data) {
    if (data.numeric && ['lines', 'series'].includes(data.kind)) {
      const at = data.series.flatMap((s) => s.data.map((d) => d[0]));
      const log = data.logX && Math.min(...at) > 0;
      const powers = log && at.every((v) => Number.isInteger(Math.log2(v)));
      // A few places are named as they are; of many, round numbers between.
      const places = [...new Set(at)].sort((a, b) => a - b);
      const marks = log && places.length <= 16 ? { customValues: places } : {};
      const text = log && data.xUnit !== 'bytes' ? (value) => (value < 1e4 ? number(value) : short(value)) : ticks(data.xUnit);
      return axis(data.x, {
        type: log ? 'log' : 'value', logBase: powers ? 2 : 10, nameGap: 32, min: 'dataMin', max: 'dataMax',
        axisTick: marks, axisLabel: { color: style('--quiet'), hideOverlap: true, formatter: text, ...marks },
      });
    }
    const long = data.labels.some((l) => l.length > 12) && data.labels.length > 6;
    const broken = !long && data.labels.some((l) => l.length > 18);
    return axis(data.x, {
      type: 'category', data: data.labels, nameGap: long ? 78 : broken ? 50 : 34,
      axisLabel: { color: style('--quiet'), interval: data.labels.length > 40 ? 'auto' : 0, rotate: long ? 28 : 0, width: 130, overflow: 'break', lineHeight: 16 },
    });
  }

  // Long names of bars read better beside them than below.
  const lying = (data) => data.kind === 'stack' && data.labels.some((label) => label.length > 12);

  const lyingWidth = (data) => Math.min(330, 16 + 6.6 * Math.max(...data.labels.map((label) => label.length)));

  const yTitle = (data) => data.y || data.unit;

  function cartesian(data, hidden) {
    const totals = new Map();
    if (data.share) {
      for (const s of data.series) for (const [x, y] of s.data) totals.set(x, (totals.get(x) || 0) + y);
    }
    const bar = data.kind === 'bars' || data.kind === 'stack';
    const shown = data.series.map((s, i) => {
      if (hidden.has(i)) return null;
      const colour = COLOURS[scheme()][i % COLOURS.light.length];
      const points = s.data.map(([x, y]) => [x, data.share ? (100 * y) / (totals.get(x) || 1) : y]);
      if (bar) {
        return {
          type: 'bar', name: s.name, data: lying(data) ? points.map(([x, y]) => [y, x]) : points, stack: data.kind === 'stack' ? 'all' : undefined, barMaxWidth: 48,
          itemStyle: { color: colour, borderColor: style('--ground'), borderWidth: data.kind === 'stack' ? 0.5 : 0 },
          label: { show: data.kind === 'bars' && s.data.length * data.series.length <= 24, position: 'top', color: style('--text'), fontSize: 11, formatter: (p) => number(Number(p.value[1].toPrecision(4))) },
        };
      }
      return {
        type: 'line', name: s.name, data: points, symbol: SYMBOLS[i % SYMBOLS.length], symbolSize: 7,
        showSymbol: points.length <= 100, lineStyle: { color: colour, width: 2, type: DASHES[Math.floor(i / COLOURS.light.length) % 3] }, itemStyle: { color: colour },
      };
    });
    const seen = data.series.filter((s, i) => !hidden.has(i));
    const steps = data.unit === 'bytes' && !data.logY && !data.share ? byteSteps(tops(seen, data.kind === 'stack')) : {};
    const values = axis(yTitle(data), { type: data.logY ? 'log' : 'value', logBase: data.unit === 'bytes' ? 2 : 10, nameGap: lying(data) ? 32 : 60, axisLabel: { color: style('--quiet'), formatter: ticks(data.unit) }, max: data.share ? 100 : undefined, ...steps });
    const series = shown.filter(Boolean);
    if (lying(data)) {
      const places = axis('', { type: 'category', data: data.labels, inverse: true, axisLabel: { color: style('--quiet'), interval: 0, width: lyingWidth(data), overflow: 'truncate' } });
      return { grid: { left: lyingWidth(data) + 16, right: 32, top: 12, bottom: 60 }, xAxis: values, yAxis: places, series };
    }
    return { grid: { left: 76, right: 24, top: 24, bottom: xAxis(data).nameGap + 28 }, xAxis: xAxis(data), yAxis: values, series };
  }

  function heatMap(data) {
    const cells = data.series.flatMap((row, y) => row.data.map(([x, value]) => [x, y, value]));
    const values = cells.map((c) => c[2]);
    const few = cells.length <= 150;
    const low = Math.min(...values);
    const high = Math.max(...values);
    // The far end of the scale is dark by day and light by night.
    const ink = (value) => ((value - low) / (high - low || 1) < 0.58) === (scheme() === 'light') ? '#12161b' : '#ffffff';
    return {
      title: { text: data.value, right: 8, top: 0, textStyle: { color: style('--text'), fontSize: 13, fontWeight: 'normal' } },
      grid: { left: 84, right: 100, top: 28, bottom: 64 },
      xAxis: { ...xAxis(data), splitArea: { show: false } },
      yAxis: axis(data.y, { type: 'category', data: data.series.map((s) => s.name), nameGap: 56 }),
      visualMap: {
        min: low, max: high, calculable: false, right: 8, top: 'middle', itemHeight: 180,
        inRange: { color: HEAT[scheme()] }, textStyle: { color: style('--text') },
        text: [high, low].map((v) => number(Number(v.toPrecision(3)), data.unit)), precision: 3,
      },
      series: [{
        type: 'heatmap', data: cells.map((value) => ({ value, label: { color: ink(value[2]) } })), itemStyle: { borderColor: style('--ground'), borderWidth: 1 },
        label: { show: few, fontSize: 11, formatter: (p) => short(p.value[2]) },
      }],
    };
  }

  // What the pointer or the keyboard is on, as a line of text.
  function readout(data, place) {
    if (data.kind === 'heatmap') {
      const all = data.series.flatMap((row) => row.data.map(([x, v]) => [x, row.name, v]));
      const [x, y, value] = all[place];
      return `${data.x} ${data.labels[x]}, ${data.y} ${y}: ${number(value, data.unit)}`;
    }
    const at = data.numeric ? [...new Set(data.series.flatMap((s) => s.data.map((d) => d[0])))].sort((a, b) => a - b)[place] : place;
    const parts = data.series.flatMap((s) => s.data.filter((d) => d[0] === at).map((d) => `${s.name || yTitle(data)} ${number(d[1], data.unit)}`));
    return `${data.x} ${data.numeric ? number(at, data.xUnit) : data.labels[at]}: ${parts.join('; ')}`;
  }

  class Chart {
    constructor(figure) {
      this.data = JSON.parse(figure.querySelector('.data').textContent);
      if (this.data.kind !== 'lines' && this.data.kind !== 'series') this.data = { ...this.data, ...this.categories() };
      this.place = figure.querySelector('.chart');
      this.line = figure.querySelector('.readout');
      this.legend = figure.querySelector('.legend');
      this.hidden = new Set();
      this.at = -1;
      this.place.addEventListener('keydown', (event) => this.key(event));
      this.place.addEventListener('blur', () => { this.line.textContent = ''; this.at = -1; });
      if (lying(this.data)) this.place.style.height = `${8 + 2.2 * this.data.labels.length}rem`;
      if (this.data.kind === 'heatmap') {
        this.place.style.height = `${Math.min(40, Math.max(18, 8 + 2 * this.data.series.length))}rem`;
      }
      this.draw();
    }

    // Bars stand on places, not on a scale.
    categories() {
      if (!this.data.numeric || this.data.kind === 'heatmap') return {};
      const at = [...new Set(this.data.series.flatMap((s) => s.data.map((d) => d[0])))].sort((a, b) => a - b);
      const series = this.data.series.map((s) => ({ name: s.name, data: s.data.map(([x, ...rest]) => [at.indexOf(x), ...rest]) }));
      return { series, numeric: false };
    }

    places() {
      if (this.data.kind === 'heatmap') return this.data.series.reduce((sum, s) => sum + s.data.length, 0);
      return new Set(this.data.series.flatMap((s) => s.data.map((d) => d[0]))).size;
    }

    key(event) {
      const step = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }[event.key];
      if (step === undefined) return;
      event.preventDefault();
      this.at = Math.min(this.places() - 1, Math.max(0, this.at + step));
      this.line.textContent = readout(this.data, this.at);
    }

    draw() {
      if (this.chart) this.chart.dispose();
      this.chart = echarts.init(this.place, null, { renderer: 'svg' });
      const data = this.data;
      const heat = data.kind === 'heatmap';
      this.chart.setOption({
        animation: false, backgroundColor: 'transparent', textStyle: { color: style('--text'), fontFamily: 'system-ui, sans-serif' },
        aria: { enabled: false },
        tooltip: {
          trigger: heat ? 'item' : 'axis', axisPointer: { type: data.kind === 'bars' || data.kind === 'stack' ? 'shadow' : 'line' },
          renderMode: 'richText', confine: true, backgroundColor: style('--raised'), borderColor: style('--line'), textStyle: { color: style('--text') },
          ...(heat ? { formatter: (p) => `${data.x} ${data.labels[p.value[0]]}\n${data.y} ${data.series[p.value[1]].name}\n${number(p.value[2], data.unit)}` }
            : { valueFormatter: (v) => number(Array.isArray(v) ? v[lying(data) ? 0 : 1] : v, data.share ? '%' : data.unit) }),
        },
        ...(heat ? heatMap(data) : cartesian(data, this.hidden)),
      });
      if (!heat) this.drawLegend();
    }

    drawLegend() {
      if (this.data.series.length < 2) return;
      const focused = [...this.legend.children].indexOf(document.activeElement);
      this.legend.replaceChildren(...this.data.series.map((series, i) => {
        const button = document.createElement('button');
        const mark = document.createElement('i');
        mark.style.background = COLOURS[scheme()][i % COLOURS.light.length];
        button.append(mark, series.name);
        button.type = 'button';
        button.setAttribute('aria-pressed', String(!this.hidden.has(i)));
        button.addEventListener('click', () => {
          if (!this.hidden.delete(i)) this.hidden.add(i);
          this.draw();
        });
        return button;
      }));
      if (focused >= 0) this.legend.children[focused].focus();
    }
  }

  const charts = [...document.querySelectorAll('figure')].map((figure) => new Chart(figure));
  const redraw = () => charts.forEach((chart) => chart.draw());
  dark.addEventListener('change', redraw);
  addEventListener('resize', () => charts.forEach((chart) => chart.chart.resize()));
  addEventListener('beforeprint', () => { printing = true; redraw(); });
  addEventListener('afterprint', () => { printing = false; redraw(); });
})();
