// Numbers as the side bar and notifications write them.

/** A whole number with thin spaces between thousands: "200 832". */
export function countText(count: number): string {
  return String(Math.round(count)).replace(/\B(?=(\d{3})+(?!\d))/g, '\u2009');
}

/** A share as a percentage with one decimal below 100 %: "6.4 %". */
export function shareText(share: number): string {
  const percent = 100 * share;
  return `${percent.toFixed(Math.abs(percent) >= 99.95 && Number.isInteger(Math.round(percent * 10) / 10) ? 0 : 1)} %`;
}

/** A number with three significant digits: "0.0214", "12.3", "1.2e-7". */
export function numberText(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  return size < 1e-3 || size >= 1e6 ? value.toExponential(1) : String(Number(value.toPrecision(3)));
}

/** "1 sample", "100 samples". */
export function samplesText(count: number): string {
  return `${countText(count)} ${count === 1 ? 'sample' : 'samples'}`;
}
