// Trust-region Newton minimisation with Hessian-vector products and truncated conjugate gradients, in float64.

/** A twice differentiable function. */
export interface Smooth {
  /** Its value and gradient. */
  evaluate(x: Float64Array): { readonly value: number; readonly gradient: Float64Array };
  /** The product of its Hessian at the point of the last `evaluate` with a vector. */
  curvature(direction: Float64Array): Float64Array;
}

/** Where a minimisation ended. */
export interface Minimum {
  readonly x: Float64Array;
  readonly value: number;
  /** ‖∇f(x)‖. */
  readonly gradient: number;
  readonly iterations: number;
  /** Whether the gradient came below the tolerance. */
  readonly converged: boolean;
}

/**
 * Minimises f from x (Steihaug, *The Conjugate Gradient Method and Trust Regions in Large Scale Optimization*, 1983;
 * radius updates after Nocedal & Wright, algorithm 4.1). Stops at ‖∇f‖ ≤ tolerance or after `most` iterations.
 */
export function trustRegionNewton(f: Smooth, start: Float64Array, tolerance: number, most = 200): Minimum {
  let x = Float64Array.from(start);
  let { value, gradient } = f.evaluate(x);
  let radius = Math.max(1, length(x));
  for (let iteration = 0; iteration < most; iteration++) {
    const size = length(gradient);
    if (size <= tolerance) return { x, value, gradient: size, iterations: iteration, converged: true };
    const { step, predicted } = truncatedGradients(
      f,
      gradient,
      radius,
      Math.min(0.1, Math.sqrt(size)) * size,
    );
    const candidate = x.map((entry, index) => entry + step[index]!);
    const next = f.evaluate(candidate);
    const actual = value - next.value;
    // Near the minimum the difference of two values is rounding; the gradient still tells which is better.
    const ratio =
      Math.abs(predicted) < 1e-13 * Math.max(1, Math.abs(value))
        ? length(next.gradient) < size
          ? 1
          : 0
        : actual / predicted;
    if (ratio < 0.25) radius = 0.25 * Math.min(radius, length(step));
    else if (ratio > 0.75 && length(step) > 0.9 * radius) radius *= 2;
    if (ratio > 1e-4) [x, value, gradient] = [candidate, next.value, next.gradient];
    else {
      if (radius < 1e-14 * Math.max(1, length(x))) break;
      // `curvature` belongs to the last point evaluated.
      f.evaluate(x);
    }
  }
  const size = length(gradient);
  return { x, value, gradient: size, iterations: most, converged: size <= tolerance };
}

/** Approximately minimises gᵀp + ½ pᵀHp within ‖p‖ ≤ radius. */
function truncatedGradients(
  f: Smooth,
  gradient: Float64Array,
  radius: number,
  tolerance: number,
): { step: Float64Array; predicted: number } {
  const size = gradient.length;
  const step = new Float64Array(size);
  const rest = Float64Array.from(gradient);
  const direction = gradient.map(value => -value);
  const product = new Float64Array(size);
  let square = dot(rest, rest);
  for (let round = 0; round < 2 * size && Math.sqrt(square) > tolerance; round++) {
    const curved = f.curvature(direction);
    const bend = dot(direction, curved);
    const alpha = bend > 0 ? square / bend : Infinity;
    const reach = toBoundary(step, direction, radius);
    const taken = Math.min(alpha, reach);
    for (let index = 0; index < size; index++) {
      step[index]! += taken * direction[index]!;
      product[index]! += taken * curved[index]!;
    }
    if (taken === reach) break;
    for (let index = 0; index < size; index++) rest[index]! += alpha * curved[index]!;
    const next = dot(rest, rest);
    const beta = next / square;
    for (let index = 0; index < size; index++) direction[index] = beta * direction[index]! - rest[index]!;
    square = next;
  }
  return { step, predicted: -(dot(gradient, step) + 0.5 * dot(step, product)) };
}

/** The τ ≥ 0 at which ‖p + τd‖ is the radius. */
function toBoundary(p: Float64Array, d: Float64Array, radius: number): number {
  const [a, b, c] = [dot(d, d), 2 * dot(p, d), dot(p, p) - radius * radius];
  return a === 0 ? 0 : (-b + Math.sqrt(Math.max(0, b * b - 4 * a * c))) / (2 * a);
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let index = 0; index < a.length; index++) sum += a[index]! * b[index]!;
  return sum;
}

function length(a: Float64Array): number {
  return Math.sqrt(dot(a, a));
}
