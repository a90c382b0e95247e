// <price-chart>: candles on a canvas, by TradingView's Lightweight Charts.
//
// The app creates the element at once and sets what it should show; this file gives it life when it
// arrives. `bars` is a flat list of numbers, five a candle (milliseconds, open, high, low, close); `tick`
// is the price now, as milliseconds and dollars; `grain` is a candle's length in milliseconds; `marks`
// are the point and the thousands mark of the country. Everything else comes from the page's own style.
import { CandlestickSeries, createChart } from './lightweight-charts.js';

const PROPERTIES = ['marks', 'grain', 'bars', 'tick'];
const SUBSCRIPTS = '₀₁₂₃₄₅₆₇₈₉';

class PriceChart extends HTMLElement {
  #chart;
  #series;
  #last;
  #grain = 60_000;
  #marks = '.,';
  #digits = 2;
  #watch = new AbortController();
  #themes;

  connectedCallback() {
    this.#chart = createChart(this, {
      autoSize: true,
      layout: {
        // The logo brings a style of its own, which our policy forbids. The page names the makers itself.
        attributionLogo: false,
        background: { color: 'transparent' },
        fontFamily: getComputedStyle(this).fontFamily,
        fontSize: 12,
      },
      rightPriceScale: { borderVisible: false },
      timeScale: { borderVisible: false, secondsVisible: false, fixLeftEdge: true, fixRightEdge: true },
      localization: { priceFormatter: (price) => this.#shown(price) },
      // A wheel over the chart scrolls the page, a finger moves it up and down.
      handleScroll: { mouseWheel: false, vertTouchDrag: false },
      handleScale: { mouseWheel: false, axisPressedMouseMove: false },
      kineticScroll: { touch: false, mouse: false },
    });
    this.#series = this.#chart.addSeries(CandlestickSeries, { priceLineVisible: true });
    this.#paint();
    // Themes change by the system, and by the choice that stands on the root.
    const { signal } = this.#watch;
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#paint(), { signal });
    this.#themes = new MutationObserver(() => this.#paint());
    this.#themes.observe(document.documentElement, { attributeFilter: ['data-theme', 'data-colours'] });
    // What was set before this class was there lies on the element itself, over its accessors.
    for (const name of PROPERTIES) {
      if (!Object.hasOwn(this, name)) continue;
      const value = this[name];
      delete this[name];
      this[name] = value;
    }
  }

  disconnectedCallback() {
    this.#watch.abort();
    this.#themes.disconnect();
    this.#chart.remove();
  }

  set marks(marks) {
    this.#marks = marks;
  }

  set grain(millis) {
    this.#grain = millis;
    this.#chart.timeScale().applyOptions({ timeVisible: millis < 86_400_000 });
  }

  set bars(numbers) {
    const bars = [];
    for (let at = 0; at < numbers.length; at += 5) {
      const [millis, open, high, low, close] = numbers.slice(at, at + 5);
      const time = Math.floor(millis / 1000);
      // The library takes strictly rising times only.
      if (!bars.length || time > bars.at(-1).time) bars.push({ time, open, high, low, close });
    }
    this.#last = bars.at(-1);
    this.#digits = this.#last ? digits(this.#last.close) : 2;
    this.#series.applyOptions({ priceFormat: { type: 'custom', minMove: 10 ** -this.#digits, formatter: (price) => this.#shown(price) } });
    this.#series.setData(bars);
    this.#chart.timeScale().fitContent();
  }

  set tick([millis, price]) {
    if (!this.#last || !(price > 0)) return;
    const time = Math.floor(millis / this.#grain) * (this.#grain / 1000);
    const { close } = this.#last;
    const bar = time >= this.#last.time + this.#grain / 1000 ? { time, open: close, high: close, low: close } : this.#last;
    this.#last = { ...bar, high: Math.max(bar.high, price), low: Math.min(bar.low, price), close: price };
    this.#series.update(this.#last);
    // What stands at the end of the price axis, for whoever cannot look at a canvas.
    this.dataset.now = this.#shown(price);
  }

  #shown(price) {
    const [whole, fraction = ''] = price.toFixed(this.#digits).split('.');
    const grouped = whole.replace(/\B(?=(\d{3})+$)/g, this.#marks[1]);
    const zeros = /^0*/.exec(fraction)[0].length;
    const counted = Math.abs(price) < 1 && zeros >= 4 && zeros < fraction.length;
    const places = counted ? `0${[...String(zeros)].map((digit) => SUBSCRIPTS[digit]).join('')}${fraction.slice(zeros)}` : fraction;
    return `$${grouped}${places && this.#marks[0]}${places}`;
  }

  /** Takes the colours from the page. A rising candle is hollow and a falling one filled: never colour alone. */
  #paint() {
    const [gain, loss, faint, rule, paper] = ['gain', 'loss', 'faint', 'rule', 'paper'].map((name) => this.#colour(name));
    this.#chart.applyOptions({
      layout: { textColor: faint },
      grid: { vertLines: { color: rule }, horzLines: { color: rule } },
      crosshair: { vertLine: { color: faint, labelBackgroundColor: faint }, horzLine: { color: faint, labelBackgroundColor: faint } },
    });
    this.#series.applyOptions({
      upColor: paper,
      borderUpColor: gain,
      wickUpColor: gain,
      downColor: loss,
      borderDownColor: loss,
      wickDownColor: loss,
      priceLineColor: faint,
    });
  }

  /** A token as the browser computes it: the library knows no `light-dark()`. */
  #colour(name) {
    this.style.color = `var(--${name})`;
    const { color } = getComputedStyle(this);
    this.style.color = '';
    return color;
  }
}

/** Places after the point that five significant digits of a price take, two at least. */
function digits(price) {
  const power = Math.floor(Math.log10(price));
  return Math.min(16, Math.max(2, 4 - power));
}

customElements.define('price-chart', PriceChart);
