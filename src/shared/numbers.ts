// Numbers as people read them: thin spaces between thousands, three significant digits, a true minus sign.

/** A narrow no-break space: between thousands and before units. */
const thin = '\u202f';
const minus = '\u2212';

/** A whole number with thin spaces between thousands: 206 922. */
export function count(value: number): string {
  const digits = String(Math.abs(Math.round(value)));
  return sign(value) + digits.replace(/\B(?=(\d{3})+$)/g, thin);
}

/** Three significant digits (or as many as asked for); powers of ten where the plain form would be unreadable. */
export function significant(value: number, digits = 3): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return `${sign(value)}∞`;
  const size = Math.abs(value);
  if (size === 0) return '0';
  if (size < 1e-3 || size >= 1e6) {
    const [mantissa, exponent] = size.toExponential(digits - 1).split('e') as [string, string];
    return `${sign(value)}${mantissa}e${exponent.replace('+', '').replace('-', minus)}`;
  }
  const rounded = size.toPrecision(digits);
  const plain = rounded.includes('e') ? String(Number(rounded)) : rounded;
  const [whole, fraction] = plain.split('.') as [string, string | undefined];
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, thin);
  return sign(value) + (fraction === undefined ? grouped : `${grouped}.${fraction}`);
}

/** A share as a percentage with a fixed number of decimals, without the unit: 0.953 → "95.3". */
export function percentValue(share: number, decimals = 1): string {
  const text = Math.abs(100 * share).toFixed(decimals);
  return (Number(text) === 0 ? '' : sign(share)) + text;
}

/** A share as a percentage with its unit: "95.3 %". */
export function percent(share: number, decimals = 1): string {
  return `${percentValue(share, decimals)}${thin}%`;
}

/** A share with three significant digits and its unit, for ratios that span decades: "0.0213 %". */
export function ratioPercent(share: number): string {
  return `${significant(100 * share)}${thin}%`;
}

/** A difference with its sign: "+4.2", "−1.0", "0.0". */
export function signed(text: string, value: number): string {
  return value > 0 && !/^[0.]*$/.test(text) ? `+${text}` : text;
}

/** Bytes in the largest unit that keeps a whole part: "828 kB". Powers of 1000. */
export function bytes(value: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let [size, unit] = [value, 0];
  while (size >= 999.5 && unit < units.length - 1) {
    size /= 1000;
    unit++;
  }
  const text = unit === 0 || size >= 100 ? size.toFixed(0) : size.toPrecision(3);
  return `${text}${thin}${units[unit]}`;
}

/** A number of things with its noun: "1 sample", "2 000 samples". */
export function things(value: number, noun: string, plural = `${noun}s`): string {
  return `${count(value)} ${value === 1 ? noun : plural}`;
}

/** The dims of a tensor: "64 × 32 × 3 × 3"; "scalar" without any, "?" where a size is unknown. */
export function shape(dims: readonly (number | string | null)[] | null): string {
  if (dims === null) return 'unknown shape';
  if (dims.length === 0) return 'scalar';
  return dims.map(dim => (dim === null ? '?' : typeof dim === 'number' ? count(dim) : dim)).join(' × ');
}

function sign(value: number): string {
  return value < 0 ? minus : '';
}
