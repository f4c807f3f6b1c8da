// Bad model.json files and shards: one sentence each, and nothing is written.
import assert from 'node:assert/strict';
import {
  appendFileSync,
  linkSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { ModelError } from '../../src/onnx/errors';
import { openModel } from '../../src/tfjs/openModel';
import { inFolder } from '../onnx/support';
import type { ModelFile } from './rewriting';
import { saveLayers, tensorflow } from './support';

/** The layers of a functional topology. */
interface Layer {
  class_name: string;
  config: Record<string, unknown>;
  name: string;
  inbound_nodes: [string, number, number, object][][];
}

interface BadInput {
  readonly name: string;
  readonly message: RegExp;
  /** Damages the model in `folder`. */
  damage(folder: string): void;
}

/** Damages the JSON. */
function edit(change: (file: ModelFile, layers: Layer[]) => void): BadInput['damage'] {
  return folder => {
    const path = join(folder, 'model.json');
    const file = JSON.parse(readFileSync(path, 'utf8')) as ModelFile;
    const { config } = file.modelTopology as { config: { layers: Layer[] } };
    change(file, config.layers);
    writeFileSync(path, JSON.stringify(file));
  };
}

const shard = (number: number): string => `group1-shard${number}of3.bin`;
const withPath = (path: string): BadInput['damage'] =>
  edit(file => (file.weightsManifest[0]!.paths[1] = path));

const cases: readonly BadInput[] = [
  {
    name: 'a missing shard',
    message: /lists the weight file "group1-shard2of3\.bin", which is not there \(the folder has "group1/,
    damage: folder => rmSync(join(folder, shard(2))),
  },
  {
    name: 'a renamed shard',
    message: /"group1-shard2of3\.bin", which is not there \(the folder has .*"renamed\.bin"/,
    damage: folder => renameSync(join(folder, shard(2)), join(folder, 'renamed.bin')),
  },
  {
    name: 'a short shard',
    message:
      /The weight "second\/bias" is not complete: its weight files end 5 bytes too early \(the last is "group1-shard3of3\.bin"\)/,
    damage: folder => truncateSync(join(folder, shard(2)), 75),
  },
  {
    name: 'a long shard',
    message: /Its weight files .* hold 3 bytes more than its weights need\./,
    damage: folder => appendFileSync(join(folder, shard(3)), 'abc'),
  },
  {
    name: 'a shard that is listed twice',
    message: /"group1-shard1of3\.bin", which it lists already/,
    damage: withPath(shard(1)),
  },
  {
    name: 'a shard that is the model itself',
    message: /which is that file itself/,
    damage: withPath('model.json'),
  },
  {
    name: 'a shard that is a folder',
    message: /This is a folder, not a file|leads out/,
    damage: withPath('.'),
  },
  ...['../outside.bin', '/etc/passwd', 'C:\\weights.bin', 'https://example.com/w.bin', 'a/../../b', ''].map(
    path => ({
      name: `the weight file ${JSON.stringify(path)}`,
      message: /which is not a plain path inside the model's folder/,
      damage: withPath(path),
    }),
  ),
  {
    name: 'a link that leads out',
    message: /a link that leads out of the model's folder/,
    damage: folder => {
      rmSync(join(folder, shard(2)));
      symlinkSync('/etc/hostname', join(folder, shard(2)));
    },
  },
  {
    name: 'no JSON',
    message: /begins like JSON, but it is not .* cut short/,
    damage: folder => truncateSync(join(folder, 'model.json'), 200),
  },
  {
    name: 'JSON that is something else',
    message: /This is JSON, but not a TensorFlow\.js model: it has no weightsManifest/,
    damage: folder => writeFileSync(join(folder, 'model.json'), '{"name": "lethe", "version": "1.0.0"}'),
  },
  {
    name: 'weights without a topology',
    message: /it has no modelTopology\. It holds weights alone/,
    damage: edit(file => delete (file as { modelTopology?: unknown }).modelTopology),
  },
  {
    name: 'a topology of neither kind',
    message: /modelTopology is neither that of a LayersModel/,
    damage: edit(file => (file.modelTopology = {})),
  },
  {
    name: 'an unknown type',
    message: /The weight "first\/kernel" has the type "complex64", which Lethe does not read/,
    damage: edit(file => (file.weightsManifest[0]!.weights[0]!.dtype = 'complex64')),
  },
  {
    name: 'an unknown quantisation',
    message: /The weight "first\/kernel" has the type "int4"/,
    damage: edit(file => (file.weightsManifest[0]!.weights[0]!.quantization = { dtype: 'int4' })),
  },
  {
    name: 'two weights of one name',
    message: /It lists two weights named "first\/bias"/,
    damage: edit(file => (file.weightsManifest[0]!.weights[0]!.name = 'first/bias')),
  },
  {
    name: 'a negative size',
    message: /shape\[0\] should be a whole number from 0 on, but it is -1/,
    damage: edit(file => (file.weightsManifest[0]!.weights[0]!.shape[0] = -1)),
  },
  {
    name: 'a size beyond every disk',
    message: /shape should be the shape of a weight that fits a disk/,
    damage: edit(file => (file.weightsManifest[0]!.weights[0]!.shape = [2 ** 40, 2 ** 40])),
  },
  {
    name: 'a manifest that is no list',
    message: /Its weightsManifest should be a list, but it is "none"/,
    damage: edit(file => ((file as { weightsManifest: unknown }).weightsManifest = 'none')),
  },
  {
    name: 'a layer that refers to none',
    message: /The layer "nobody", which another one refers to, is not there/,
    damage: edit((_, layers) => (layers[1]!.inbound_nodes[0]![0]![0] = 'nobody')),
  },
  {
    name: 'layers in a circle',
    message: /The layers "second" and "first" form a circle/,
    damage: edit((_, layers) => (layers[1]!.inbound_nodes[0]![0]![0] = 'second')),
  },
  {
    name: 'a call that is not there',
    message: /Call 7 of the layer "first" is used, but it has 1/,
    damage: edit((_, layers) => (layers[2]!.inbound_nodes[0]![0]![1] = 7)),
  },
  {
    name: 'a setting of the wrong kind',
    message: /config\.units should be a number, but it is "many"/,
    damage: edit((_, layers) => (layers[1]!.config['units'] = 'many')),
  },
];

async function goodModel(folder: string): Promise<void> {
  const tf = await tensorflow();
  const input = tf.input({ shape: [6], name: 'input' });
  const hidden = tf.layers.dense({ units: 5, name: 'first' }).apply(input);
  const output = tf.layers.dense({ units: 3, name: 'second' }).apply(hidden);
  await saveLayers(tf.model({ inputs: input, outputs: output as typeof input }), folder, 80);
}

function contentOf(folder: string): string[] {
  return readdirSync(folder)
    .sort()
    .map(name => `${name} ${readFileSync(join(folder, name)).toString('base64')}`);
}

describe('a bad TensorFlow.js model', () => {
  for (const { name, message, damage } of cases) {
    it(`${name} ends in one sentence`, () =>
      inFolder(async folder => {
        await goodModel(folder);
        openModel(folder);
        damage(folder);
        const before = contentOf(folder);
        assert.throws(
          () => openModel(join(folder, 'model.json')),
          (error: unknown) => {
            assert.ok(error instanceof ModelError);
            assert.match(error.message, message);
            return true;
          },
        );
        assert.deepEqual(contentOf(folder), before);
      }));
  }

  it('with a layer or a weight that Lethe does not know is opened, and says which', () =>
    inFolder(async folder => {
      await goodModel(folder);
      edit((_, layers) => (layers[1]!.class_name = 'MyLayer'))(folder);
      const unknown = openModel(folder);
      assert.deepEqual(unknown.untranslated, [
        { op: 'MyLayer', node: 'first', problem: 'has no translation' },
      ]);
      edit((_, layers) => (layers[1]!.class_name = 'Dense'))(folder);
      edit(file => (file.weightsManifest[0]!.weights[0]!.name = 'other'))(folder);
      assert.match(
        openModel(folder).untranslated[0]!.problem,
        /^has no weight "first\/kernel" in the manifest$/,
      );
    }));

  it('with shards that are not listed, or that are linked, is opened with a warning', () =>
    inFolder(async folder => {
      await goodModel(folder);
      writeFileSync(join(folder, 'group1-shard4of3.bin'), 'more');
      linkSync(join(folder, shard(1)), join(folder, 'second-name'));
      const model = openModel(folder);
      assert.match(
        model.warnings.join(' '),
        /"group1-shard4of3\.bin" looks like a weight file, but model\.json does not list it/,
      );
      assert.match(
        model.warnings.join(' '),
        /"group1-shard1of3\.bin" has 2 names on the disk \(hard links\)/,
      );
      const changes = new Map([['first/kernel', new Float32Array(30)]]);
      assert.throws(() => model.save(changes, join(folder, 'model.json')), /has 2 names on the disk/);
    }));
});
