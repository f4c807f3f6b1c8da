import assert from 'node:assert/strict';
import { crc32 } from '../../src/tensor/crc32';
import { bfloat16ToNumber, float16ToNumber, numberToBfloat16, numberToFloat16 } from '../../src/tensor/dtype';
import { castTensor, float32, toFloat32 } from '../../src/tensor/tensor';
import { expected } from '../data/fixtures';

interface Halves {
  values: number[];
  float16: number[];
  bfloat16: number[];
  finiteFloat16Crc: number;
}

const asFloat = new DataView(new ArrayBuffer(4));

/** binary16 to binary32 by moving bits, with subnormals normalised by shifting. */
function widen(bits: number): number {
  const sign = (bits & 0x8000) << 16;
  let exponent = (bits >> 10) & 0x1f;
  let fraction = bits & 0x3ff;
  if (exponent === 31) return floatOf(sign | 0x7f800000 | (fraction << 13));
  if (exponent === 0) {
    if (fraction === 0) return floatOf(sign);
    exponent = 1;
    while ((fraction & 0x400) === 0) {
      fraction <<= 1;
      exponent--;
    }
    fraction &= 0x3ff;
  }
  return floatOf(sign | ((exponent + 112) << 23) | (fraction << 13));
}

function floatOf(bits: number): number {
  asFloat.setInt32(0, bits);
  return asFloat.getFloat32(0);
}

/** Checks that rounding between neighbouring bit patterns goes to the nearer one, and to the even one in the middle. */
function checkRounding(
  toNumber: (bits: number) => number,
  toBits: (value: number) => number,
  last: number,
): void {
  for (let bits = 0; bits < last; bits++) {
    const low = toNumber(bits);
    const high = toNumber(bits + 1);
    const middle = (low + high) / 2;
    const nudge = (high - low) / 16;
    assert.equal(toBits(middle), bits % 2 === 0 ? bits : bits + 1, `middle above ${bits}`);
    assert.equal(toBits(middle - nudge), bits, `below the middle above ${bits}`);
    assert.equal(toBits(middle + nudge), bits + 1, `above the middle above ${bits}`);
    assert.equal(toBits(-middle), (bits % 2 === 0 ? bits : bits + 1) | 0x8000);
  }
}

describe('half-precision numbers', () => {
  it('widens every float16 pattern as moving its bits does, and narrows it back', () => {
    for (let bits = 0; bits < 65536; bits++) {
      const value = float16ToNumber(bits);
      assert.ok(Object.is(value, widen(bits)), `pattern ${bits}`);
      if (!Number.isNaN(value)) assert.equal(numberToFloat16(value), bits);
    }
  });

  it('widens every bfloat16 pattern to the float32 with the same upper bits, and narrows it back', () => {
    for (let bits = 0; bits < 65536; bits++) {
      const value = bfloat16ToNumber(bits);
      assert.ok(Object.is(value, floatOf(bits << 16)), `pattern ${bits}`);
      if (!Number.isNaN(value)) assert.equal(numberToBfloat16(value), bits);
    }
  });

  it('rounds to nearest, ties to even, between all neighbours', () => {
    checkRounding(float16ToNumber, numberToFloat16, 0x7bff);
    // Subnormal float32 lies between the smallest bfloat16 numbers, so nudges there are exact as well.
    checkRounding(bfloat16ToNumber, numberToBfloat16, 0x7f7f);
  });

  it('rounds what float32 does not hold once, not twice', () => {
    // By way of float32 all of these would be ties, and go to the even pattern.
    for (const [bits, value] of [
      [0x3f80, 1 + 2 ** -8],
      [0x3f81, 1 + 2 ** -8 + 2 ** -40],
      [0x3f81, 1 + 3 * 2 ** -8 - 2 ** -40],
      [0x3f82, 1 + 3 * 2 ** -8],
    ] as const) {
      assert.equal(numberToBfloat16(value), bits);
      assert.equal(numberToBfloat16(-value), bits | 0x8000);
    }
    assert.equal(numberToFloat16(1 + 2 ** -11 + 2 ** -40), 0x3c01);
  });

  it('keeps NaN, infinities and overflow', () => {
    assert.ok(Number.isNaN(float16ToNumber(numberToFloat16(NaN))));
    assert.ok(Number.isNaN(bfloat16ToNumber(numberToBfloat16(NaN))));
    assert.equal(numberToFloat16(65519.99), 0x7bff);
    assert.equal(numberToFloat16(65520), 0x7c00);
    assert.equal(numberToFloat16(-1e300), 0xfc00);
    assert.equal(numberToBfloat16(Infinity), 0x7f80);
    assert.equal(numberToBfloat16(-3.4e38), 0xff80);
  });

  it('agrees with NumPy and PyTorch', () => {
    const halves = expected<Halves>('halves');
    const tensor = float32([halves.values.length], halves.values);
    assert.deepEqual([...castTensor(tensor, 'float16').data], halves.float16);
    assert.deepEqual([...castTensor(tensor, 'bfloat16').data], halves.bfloat16);
    const every = Uint16Array.from({ length: 65536 }, (_, bits) => bits).filter(
      bits => (bits & 0x7c00) !== 0x7c00,
    );
    const widened = toFloat32({ dtype: 'float16', dims: [every.length], data: every });
    assert.equal(crc32(new Uint8Array(widened.buffer)), halves.finiteFloat16Crc);
  });
});
