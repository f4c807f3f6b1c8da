// Gradients in the blocked layout are those in the plain one, for random shapes of everything the layout knows.
import assert from 'node:assert/strict';
import { appendBackward } from '../../src/autodiff/backward';
import { useBlockedLayout } from '../../src/autodiff/blocked/pass';
import { GraphBuilder, type ShortAttributes } from '../../src/autodiff/builder';
import { kernelGradients } from '../../src/autodiff/rules/kernelGradient';
import { blockedLayout } from '../../src/runtime/blockedLayout';
import { Session, type GraphSpec } from '../../src/runtime/session';
import { type Tensor } from '../../src/tensor/tensor';
import { Random } from '../../src/tensor/random';
import { between, feeds, normals, oneOf } from './harness';

/** A graph over [N, C, H, W] values that grows by one operator at a time; every argument gets a gradient. */
class Growing {
  readonly b = new GraphBuilder();
  readonly args: Record<string, Tensor> = {};

  constructor(readonly random: Random) {}

  arg(dims: readonly number[], scale = 1): string {
    const name = `arg${Object.keys(this.args).length}`;
    const tensor = normals(this.random, dims);
    (tensor.data as Float32Array).forEach((value, index, all) => (all[index] = value * scale));
    this.args[name] = tensor;
    return this.b.declare(name, dims);
  }

  conv(x: string, options: { depthwise?: boolean; strided?: boolean; dilated?: boolean } = {}): string {
    const { random } = this;
    const [samples, channels, ...spatial] = this.b.dims(x) as [number, number, number, number];
    const kernel = spatial.map(size => between(random, 1, Math.min(4, size)));
    const strides = spatial.map(() => (options.strided ? between(random, 1, 3) : 1));
    const dilations = kernel.map((size, axis) =>
      options.dilated && (size - 1) * 2 < spatial[axis]! ? between(random, 1, 2) : 1,
    );
    const pads = [...kernel, ...kernel].map(size => between(random, 0, size - 1));
    const output = spatial.map((size, axis) => {
      const reach = dilations[axis]! * (kernel[axis]! - 1) + 1;
      return Math.floor((size + pads[axis]! + pads[axis + 2]! - reach) / strides[axis]!) + 1;
    });
    const group = options.depthwise ? channels : 1;
    const outputs = options.depthwise ? channels : oneOf(random, [3, 4, 8, 12, 16, 20, 32]);
    const weight = this.arg([outputs, channels / group, ...kernel], 0.3);
    const inputs = [x, weight, ...(random.integer(2) ? [this.arg([outputs])] : [])];
    const attributes = { kernel_shape: kernel, strides, dilations, pads, group };
    return this.b.op('Conv', inputs, [samples, outputs, ...output], attributes);
  }

  pool(x: string, opType: 'MaxPool' | 'AveragePool', tiling: boolean): string {
    const { random } = this;
    const [samples, channels, ...spatial] = this.b.dims(x) as [number, number, number, number];
    const kernel = spatial.map(size => between(random, 1, Math.min(3, size)));
    const strides = tiling ? kernel : kernel.map(() => between(random, 1, 2));
    const pads = [...kernel, ...kernel].map(size => (tiling ? 0 : between(random, 0, Math.floor(size / 2))));
    const output = spatial.map(
      (size, axis) => Math.floor((size + pads[axis]! + pads[axis + 2]! - kernel[axis]!) / strides[axis]!) + 1,
    );
    const attributes: ShortAttributes = { kernel_shape: kernel, strides, pads };
    return this.b.op(opType, [x], [samples, channels, ...output], attributes);
  }
}

/** The output's values and every argument's gradient. */
async function outcome(g: Growing, output: string, blockSize: number | null): Promise<Float32Array[]> {
  const { b } = g;
  const nodes = [...b.nodes];
  const targets = Object.keys(g.args);
  const seedTensor = normals(new Random(99), b.dims(output));
  const seed = b.declare('seed', b.dims(output));
  const found = appendBackward({ builder: b, nodes, seeds: new Map([[output, seed]]), targets });
  const names = [output, ...targets.map(target => found.get(target) as string)];
  if (blockSize !== null) {
    useBlockedLayout(b, blockSize, names);
    assert.ok(b.nodes.some(node => node.domain === 'com.microsoft.nchwc'));
  }
  const all = { ...g.args, seed: seedTensor };
  const spec: GraphSpec = {
    nodes: b.nodes,
    constants: b.constants,
    inputs: Object.entries(all).map(([name, { dtype, dims }]) => ({ name, dtype, dims })),
    outputs: names.map(name => ({ name, dtype: 'float32', dims: b.dims(name) })),
    opsets: new Map([['', 22]]),
  };
  const session = await Session.create(spec, { threads: 2 }, 'a case');
  try {
    const outputs = await session.run(feeds(all));
    return names.map(name => (outputs[name]?.data as Float32Array).slice());
  } finally {
    await session.close();
  }
}

/** What grows between the input and the output of a case. */
const cases: Readonly<Record<string, (g: Growing, x: string) => string>> = {
  convolutions: (g, x) => g.conv(g.b.unary('Relu', g.conv(x))),
  'strided convolutions': (g, x) =>
    g.conv(g.b.unary('Sigmoid', g.conv(x, { strided: true })), { strided: true }),
  'dilated convolutions': (g, x) =>
    g.conv(g.b.unary('Tanh', g.conv(x, { dilated: true })), { dilated: true }),
  'depthwise convolutions': (g, x) =>
    g.conv(g.conv(g.conv(g.conv(x), { depthwise: true, dilated: true }), { depthwise: true, strided: true })),
  'convolutions side by side': (g, x) => {
    const h = g.b.unary('Relu', g.conv(x));
    const channels = g.b.dims(h)[1]!;
    const weight = (): string => g.arg([channels, channels, 1, 1], 0.3);
    const side = (): string => g.b.op('Conv', [h, weight()], g.b.dims(h), { kernel_shape: [1, 1] });
    return g.conv(g.b.unary('Relu', g.b.total([side(), h, side()])));
  },
  'maximum pooling': (g, x) => g.conv(g.pool(g.b.unary('Relu', g.conv(x)), 'MaxPool', true)),
  'overlapping maximum pooling': (g, x) => g.conv(g.pool(g.conv(x), 'MaxPool', false)),
  'average pooling': (g, x) => g.conv(g.pool(g.conv(x), 'AveragePool', false)),
  'scales and shifts by channel': (g, x) => {
    const h = g.conv(x);
    const channels = g.b.dims(h)[1]!;
    const scaled = g.b.binary('Mul', h, g.arg([channels, 1, 1]));
    return g.conv(g.b.binary('Add', g.b.unary('Relu', scaled), g.arg([1, channels, 1, 1])));
  },
  'the mean over positions': (g, x) => {
    const h = g.b.op(
      'Clip',
      [g.conv(x), g.b.scalar(-1), g.b.scalar(1)],
      g.b.dims(g.b.nodes.at(-1)!.outputs[0]!),
    );
    const [samples, channels] = g.b.dims(h) as [number, number];
    const mean = g.b.op('GlobalAveragePool', [h], [samples, channels, 1, 1]);
    return g.b.binary('Mul', h, g.b.unary('Sigmoid', mean));
  },
};

describe('the blocked layout', function () {
  let size: number | null;

  before(async function () {
    size = await blockedLayout(2);
    // Every CPU that ONNX Runtime has fast kernels for has the layout; others run the plain graphs.
    if (size === null) this.skip();
  });

  for (const [title, grow] of Object.entries(cases))
    it(`gives the gradients of ${title}`, async () => {
      for (let seed = 1; seed <= 20; seed++) {
        const make = (): { g: Growing; output: string } => {
          const random = new Random(seed);
          const g = new Growing(random);
          const samples = oneOf(random, [1, 3, 12, 16, 17, 32]);
          const channels = oneOf(random, [1, 3, 4, 8, 12, 16, 20, 32]);
          const x = g.arg([samples, channels, between(random, 4, 9), between(random, 4, 9)]);
          return { g, output: grow(g, x) };
        };
        const plain = make();
        const want = await outcome(plain.g, plain.output, null);
        const blocked = make();
        const kept = Object.values(blocked.g.args).every(
          ({ dims }) => dims.length !== 4 || dims[0]! % 4 !== 0,
        );
        if (kept) continue;
        const got = await outcome(blocked.g, blocked.output, size);
        want.forEach((values, index) => {
          const largest = Math.max(...values.map(Math.abs));
          const error = Math.max(...values.map((value, at) => Math.abs(value - got[index]![at]!)));
          assert.ok(
            error <= 1e-5 * largest + 1e-12,
            `seed ${seed}, ${index === 0 ? 'the output' : `arg${index - 1}`}: off by ${error} of ${largest}`,
          );
        });
      }
    });

  it('gives the kernel gradients of every sample in pieces', async () => {
    let divided = 0;
    for (let seed = 1; seed <= 30; seed++) {
      const random = new Random(seed);
      const block = size!;
      const draw = (): number[] => [0, 1].map(() => between(random, 1, 3));
      const [kernel, strides, input] = [draw(), draw(), [0, 1].map(() => between(random, 3, 9))];
      const before = kernel.map(count => between(random, 0, count - 1));
      const after = kernel.map(count => between(random, 0, count - 1));
      const output = input.map(
        (length, axis) =>
          Math.floor((length + before[axis]! + after[axis]! - kernel[axis]!) / strides[axis]!) + 1,
      );
      const samples = between(random, 1, block + 1);
      const [channels, outputs] = [between(random, 1, 2) * block, between(random, 1, 2) * block];
      const args = {
        x: normals(random, [samples, channels, ...input]),
        dy: normals(random, [samples, outputs, ...output]),
      };
      const windows = { kernel, strides, dilations: [1, 1], before, after, input, output };
      const places = kernel[0]! * kernel[1]!;
      const compute = async (blocked: boolean): Promise<Float32Array> => {
        const b = new GraphBuilder();
        for (const [name, { dims }] of Object.entries(args)) b.declare(name, dims);
        const each = b.mark(kernelGradients(b, 'x', 'dy', windows, 1), {
          kind: 'kernelGradients',
          ...{ x: 'x', dy: 'dy', windows, group: 1 },
        });
        const pieces = blocked ? useBlockedLayout(b, block, [each], [each]).get(each) : undefined;
        const names = pieces?.values ?? [each];
        const session = await Session.create(
          {
            nodes: b.nodes,
            constants: b.constants,
            inputs: Object.entries(args).map(([name, { dtype, dims }]) => ({ name, dtype, dims })),
            outputs: names.map(name => ({ name, dtype: 'float32', dims: b.dims(name) })),
            opsets: new Map([['', 22]]),
          },
          { threads: 2 },
          'a case',
        );
        const found = await session.run(feeds(args));
        await session.close();
        if (!pieces) return found[each]!.data as Float32Array;
        divided++;
        const result = new Float32Array(samples * outputs * channels * places);
        for (let sample = 0; sample < samples; sample++)
          for (let m = 0; m < outputs; m++)
            for (let c = 0; c < channels; c++)
              for (let place = 0; place < places; place++) {
                const row = (sample * (outputs / block) + Math.floor(m / block)) * places + place;
                const piece = found[names[Math.floor(c / block)]!]!.data as Float32Array;
                result[((sample * outputs + m) * channels + c) * places + place] =
                  piece[(row * block + (c % block)) * block + (m % block)]!;
              }
        return result;
      };
      const [want, got] = [await compute(false), await compute(true)];
      const largest = Math.max(...want.map(Math.abs));
      const error = Math.max(...want.map((value, at) => Math.abs(value - got[at]!)));
      assert.ok(error <= 1e-5 * largest, `seed ${seed}: off by ${error} of ${largest}`);
    }
    assert.ok(divided >= 20, `only ${divided} cases came in pieces`);
  });
});
