import type { Interval } from '../metrics.ts';

/** 0.8472 → `84.7`. */
export function percent(share: number): string {
  return (share * 100).toFixed(1);
}

/** The same; a dash where there is nothing to have a share of. */
export function orDash(share: number | null | undefined): string {
  return share == null ? '–' : percent(share);
}

/** `78.2–90.1`. */
export function range([low, high]: Interval): string {
  return `${percent(low)}–${percent(high)}`;
}

/** 754 → `12 min 34 s`. */
export function duration(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  const minutes = Math.round(whole / 60);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** 1234567 → `1,234,567`. */
export function whole(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** `1 pair`, `1,234 pairs`. */
export function counted(count: number, unit: string): string {
  return `${whole(count)} ${unit}${count === 1 ? '' : 's'}`;
}

/** Three significant digits, for losses, margins and log-probabilities; true minus signs. */
export function significant(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const text =
    value !== 0 && Math.abs(value) < 0.001 ? value.toExponential(1) : String(Number(value.toPrecision(3)));
  return text.replace('-', '−');
}

/** `−0.35`; true minus signs. */
export function signedNumber(value: number): string {
  return value.toFixed(2).replace('-', '−');
}

/** In whatever currency the prices were: two digits, four below one. */
export function money(cost: number): string {
  return cost >= 1 ? cost.toFixed(2) : cost.toFixed(4);
}
