import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OutputError, OutputStage, outputError } from '../../src/job/outputStage';

describe('outputs', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'lethe-stage-'))));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  const at = (...names: string[]): string => join(folder, ...names);

  it('appear together, replace older ones and leave nothing beside them', () => {
    writeFileSync(at('a'), 'old');
    const stage = new OutputStage([at('a'), at('new', 'deep', 'b')]);
    stage.write(at('a'), 'first');
    stage.write(at('new', 'deep', 'b'), 'second');
    assert.equal(readFileSync(at('a'), 'utf8'), 'old');
    stage.commit();
    assert.equal(readFileSync(at('a'), 'utf8'), 'first');
    assert.equal(readFileSync(at('new', 'deep', 'b'), 'utf8'), 'second');
    assert.deepEqual(readdirSync(folder).sort(), ['a', 'new']);
  });

  it('leave everything as it was when abandoned', () => {
    writeFileSync(at('a'), 'old');
    const stage = new OutputStage([at('a')]);
    stage.write(at('a'), 'first');
    stage.abandon();
    assert.equal(readFileSync(at('a'), 'utf8'), 'old');
    assert.deepEqual(readdirSync(folder), ['a']);
  });

  it('get their old content back when a later one cannot be put in place', () => {
    writeFileSync(at('a'), 'old');
    mkdirSync(at('c'));
    writeFileSync(at('c', 'inside'), 'kept');
    const stage = new OutputStage([at('a'), at('b'), at('c')]);
    for (const name of ['a', 'b', 'c']) stage.write(at(name), `new ${name}`);
    assert.throws(
      () => stage.commit(),
      (error: Error) => error instanceof OutputError && error.message.startsWith(at('c')),
    );
    assert.equal(readFileSync(at('a'), 'utf8'), 'old');
    assert.equal(existsSync(at('b')), false);
    assert.deepEqual(readdirSync(folder).sort(), ['a', 'c']);
    assert.equal(readFileSync(at('c', 'inside'), 'utf8'), 'kept');
  });

  it('that fail leave no folder behind that was made for them', () => {
    mkdirSync(at('c'));
    const targets = [at('new', 'deep', 'a'), at('new', 'b'), at('c')];
    const stage = new OutputStage(targets);
    for (const target of targets) stage.write(target, 'new');
    assert.throws(() => stage.commit(), OutputError);
    assert.deepEqual(readdirSync(folder), ['c']);
  });

  it('of a killed run are completed when it had begun to rename, else removed', () => {
    const killed = (): string => {
      const stage = new OutputStage([at('a'), at('b')]);
      stage.write(at('a'), 'new a');
      stage.write(at('b'), 'new b');
      const name = readdirSync(folder).find(entry => entry.startsWith('.lethe-partial-'))!;
      // No process has this id: it is beyond what any system gives out.
      const dead = name.replace(`-${process.pid}-`, '-4194999999-');
      renameSync(at(name), at(dead));
      return dead;
    };
    killed();
    new OutputStage([at('a'), at('b')]).abandon();
    assert.deepEqual(readdirSync(folder), []);

    const dead = killed();
    const moves = ['a', 'b'].map((name, index) => ({ from: at(dead, String(index), name), to: at(name) }));
    writeFileSync(at(dead, 'journal.json'), JSON.stringify(moves));
    renameSync(moves[0]!.from, moves[0]!.to);
    new OutputStage([at('a'), at('b')]).abandon();
    assert.deepEqual(readdirSync(folder).sort(), ['a', 'b']);
    assert.equal(readFileSync(at('b'), 'utf8'), 'new b');
  });

  it('are never written where a journal of somebody else points', () => {
    const stage = new OutputStage([at('a')]);
    stage.write(at('a'), 'x');
    const name = readdirSync(folder)[0]!;
    const dead = name.replace(`-${process.pid}-`, '-4194999999-');
    renameSync(at(name), at(dead));
    writeFileSync(at(dead, 'journal.json'), JSON.stringify([{ from: at(dead, '0', 'a'), to: at('victim') }]));
    new OutputStage([at('a')]).abandon();
    assert.equal(existsSync(at('victim')), false);
  });

  it('that cannot be written are named with the cause and the remedy', () => {
    const full = outputError('/x/out.onnx', Object.assign(new Error('write'), { code: 'ENOSPC' })) as Error;
    assert.equal(
      full.message,
      '/x/out.onnx could not be written: the disk is full. Free some space or choose another place. Every file is as it was.',
    );
    const other = new Error('not of the file system');
    assert.equal(outputError('/x', other), other);
  });
});
